"""The workers of two stacks that share one API key, in virtual time; their pace is the real one.

`PaceRecord` and `Pace` are real, on the state table's own expressions. The cut function is modelled. It takes batches
of up to ten, with a thread per photo. The thread reserves its slot when its picture is at hand, and waits for it by its
own clock. Photos are put back for whole seconds when the pace is fully booked. Workers die with slots in hand.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from dropcut.adapters.key_records import PaceRecord
from dropcut.adapters.state_table import StateTable
from dropcut.core.pace import HORIZON_SECONDS, Pace, Slot

from tests.model.dynamodb import DynamoDb

LIMIT_REQUESTS, LIMIT_SECONDS = 150, 10.0
BATCH = 10
EPOCH = 1_780_000_000.0


def falling_and_rising_latency(seconds: float) -> float:
    """3 s, then within half a minute down to 0.3 s, and after four minutes suddenly back up."""
    if seconds < 200:
        return 3.0
    if seconds < 230:
        return 3.0 - 2.7 * (seconds - 200) / 30
    return 0.3 if seconds < 470 else 3.0


@dataclass(frozen=True, kw_only=True)
class Course:
    """One run of the simulation; all times are seconds."""

    seed: int
    photos: int = 10_000
    stacks: int = 2
    workers_per_stack: int = 7
    deaths: int = 3
    clocks_apart: float = 0.2
    network_jitter: float = 0.05
    """The most that a request's way takes longer than another's."""
    preparation: tuple[float, float] = (0.03, 0.12)
    """From a message received to its picture claimed and at hand."""
    write: tuple[float, float] = (0.003, 0.02)
    """Of one write to the state table."""
    silence: tuple[float, float] = (math.inf, math.inf)
    """From when until when the state table does what it is asked, and answers at the end only."""
    back_after_death: float = 300.0
    horizon: float = HORIZON_SECONDS
    latency: Callable[[float], float] = falling_and_rising_latency


@dataclass
class Seen:
    """What the server and an onlooker saw."""

    arrivals: list[float] = field(default_factory=list)
    deferrals: int = 0
    slots_lost: int = 0
    late: int = 0
    """Slots that had passed before their reservation was answered."""
    busy_until: float = 0.0

    def busiest_window(self, seconds: float = LIMIT_SECONDS) -> int:
        """The most requests in any window of this length, both ends counted."""
        times, first, most = sorted(self.arrivals), 0, 0
        for last, time in enumerate(times):
            while times[first] < time - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def part_of_limit_used(self, *, after: float = 0.0) -> float:
        """Over the busy part: from so long after the first request until the work ran short."""
        first = min(self.arrivals) + after
        busy = sorted(time for time in self.arrivals if first <= time <= self.busy_until)
        return (len(busy) - 1) / (busy[-1] - busy[0]) / (LIMIT_REQUESTS / LIMIT_SECONDS)


@dataclass
class Worker:
    stack: int
    clock_off: float

    def clock(self, now: float) -> float:
        return now + self.clock_off


@dataclass
class Batch:
    """What one invocation has in hand."""

    worker: Worker
    left: int
    """Photos that are not done with."""
    dies_at: float = math.inf


class Fleet:
    """An event-driven simulation: a heap of what happens next."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.rng = random.Random(course.seed)
        self.pace = PaceRecord(
            table=StateTable(DynamoDb(), "state"),  # type: ignore[arg-type]
            pace=Pace.under(limit_requests=LIMIT_REQUESTS, limit_seconds=LIMIT_SECONDS),
            horizon_seconds=course.horizon,
        )
        self.seen = Seen()
        self.waiting = [course.photos // course.stacks for _ in range(course.stacks)]
        """Photos in each stack's queue that can be received."""
        self.unsent = course.photos
        self.idle: list[list[Worker]] = [[] for _ in range(course.stacks)]
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._deaths = iter(sorted(self.rng.uniform(20, 600) for _ in range(course.deaths)))
        self._next_death = next(self._deaths, math.inf)

    def run(self) -> Seen:
        for stack in range(self.course.stacks):
            for _ in range(self.course.workers_per_stack):
                self._at(self.rng.uniform(0, 1), self._begins(stack))
        while self._events:
            now, _, event = heapq.heappop(self._events)
            event(now)
        return self.seen

    def _at(self, time: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), event))

    def _begins(self, stack: int) -> Callable[[float], None]:
        """A worker is started; its clock is its own."""
        off = self.rng.uniform(-0.5, 0.5) * self.course.clocks_apart
        return lambda now: self._receive(Worker(stack=stack, clock_off=off), now)

    def _receive(self, worker: Worker, now: float) -> None:
        count = min(BATCH, self.waiting[worker.stack])
        if count == 0:
            self.idle[worker.stack].append(worker)
            return
        self.waiting[worker.stack] -= count
        batch = Batch(worker=worker, left=count)
        if now > self._next_death:
            batch.dies_at, self._next_death = now + self.rng.uniform(0, 3), next(self._deaths, math.inf)
            self._at(batch.dies_at + 1, self._begins(worker.stack))
        for _ in range(count):
            credits_taken = now + self._preparation() + self._write()
            self._at(credits_taken, lambda now: self._reserve(batch, now, waited=False))

    def _reserve(self, batch: Batch, now: float, *, waited: bool) -> None:
        """As `Account._wait_for_slot` does it: the clock is read before the two writes, which take their time."""
        clock = batch.worker.clock(now)

        def arrives(now: float) -> None:
            booked, (silent, answers) = self.pace.reserve("key", now=EPOCH + clock), self.course.silence
            self._at(answers if silent <= now < answers else now, lambda now: answered(booked, now))

        def answered(booked: Slot | float, now: float) -> None:
            if isinstance(booked, float):
                self._fully_booked(batch, booked - EPOCH, now, waited=waited)
            else:
                self._wait_for(batch, Slot(booked.opens - EPOCH, booked.closes - EPOCH), now, waited=waited)

        if not self._died(batch, now):
            self._at(now + self._write() + self._write(), arrives)

    def _fully_booked(self, batch: Batch, next_free: float, now: float, *, waited: bool) -> None:
        """It waits once for the horizon to come nearer; then its message goes back, in whole seconds as SQS does it."""
        if self._died(batch, now):
            return
        wait = next_free - self.course.horizon - batch.worker.clock(now) + self.rng.random()
        if not waited and wait <= self.course.horizon:
            self._at(now + max(0.0, wait), lambda now: self._reserve(batch, now, waited=True))
            return
        self.seen.deferrals += 1
        wait = max(1.0, next_free - batch.worker.clock(now) + self.rng.random())
        self._at(now + math.ceil(wait), lambda now: self._returns(batch.worker.stack, now))
        self._done(batch, now + self._write())  # its credits, and its claim, go back

    def _wait_for(self, batch: Batch, slot: Slot, now: float, *, waited: bool) -> None:
        """Whoever is late for a slot takes another."""
        worker = batch.worker
        if self._died(batch, now, lost=1):
            return
        if slot.closes < worker.clock(now):
            self.seen.late += 1
            self._reserve(batch, now, waited=waited)
            return
        awake = max(now, slot.opens - worker.clock_off) + self.rng.uniform(0, 0.002)
        self._at(awake, lambda now: self._send(batch, now))

    def _send(self, batch: Batch, now: float) -> None:
        if self._died(batch, now, lost=1):
            return
        arrival = now + self.rng.uniform(0, self.course.network_jitter)
        self.seen.arrivals.append(arrival)
        self.unsent -= 1
        if self.unsent > LIMIT_REQUESTS:
            self.seen.busy_until = arrival
        end = arrival + self.course.latency(arrival) * self.rng.uniform(0.8, 1.2)
        self._at(end, lambda now: self._done(batch, now))

    def _died(self, batch: Batch, now: float, *, lost: int = 0) -> bool:
        """Whether the worker is dead by now: its slots are lost then, and its photo comes back much later."""
        if now < batch.dies_at:
            return False
        self.seen.slots_lost += lost
        self._at(now + self.course.back_after_death, lambda now: self._returns(batch.worker.stack, now))
        return True

    def _done(self, batch: Batch, now: float) -> None:
        batch.left -= 1
        if batch.left == 0 and batch.dies_at == math.inf:
            self._at(now + 0.05, lambda now: self._receive(batch.worker, now))

    def _preparation(self) -> float:
        """The batch's first look, then the claim and the bytes from S3; one in fifty takes long."""
        return self.rng.uniform(*self.course.preparation) + (self.rng.random() < 0.02) * self.rng.random()

    def _write(self) -> float:
        """A write to the state table; one in two hundred takes long."""
        return self.rng.uniform(*self.course.write) + (self.rng.random() < 0.005) * self.rng.uniform(0, 0.3)

    def _returns(self, stack: int, now: float) -> None:
        self.waiting[stack] += 1
        if self.idle[stack]:
            worker = self.idle[stack].pop()
            self._at(now + 0.02, lambda now: self._receive(worker, now))
