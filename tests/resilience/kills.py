"""Stops a stage at one of its side effects, lets the queues bring the work back, and looks at what became of it.

In place of the stop AWS can refuse that side effect for a minute. Nothing here knows what the side effects are: a run
without a stop shows them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, pairwise
from typing import Literal, get_args

from botocore.exceptions import ClientError

from tests.resilience.deployment import RENDITIONS, STAGES, Deployment, larger_photo, photo
from tests.resilience.sandbox import REFUSING, Effect, Invocation, Moment, Stop, Way

PAID_CALL = "POST /v2beta/stable-image/edit/remove-background"
KEEPS_THE_ANSWER = "S3 PutObject"
NEVER = Stop(number=10**9, moment="before", way="killed")
TAGGING = ("S3 GetObjectTagging", "S3 PutObjectTagging")
"""A tag is a service to people: what cannot be tagged is delivered all the same, and is not tagged later."""
_numbers = count(1)
_A_WHILE_SECONDS = 60
"""Between two runs, so that each finds the pace free and, with the gate open, takes the same way."""

Company = Literal["alone", "larger", "together"]
"""The photo that is stopped is alone in its batch, or alone and too large to travel inside a message. Or it is with its
twin (the same picture) and another photo."""
COMPANIES: tuple[Company, ...] = get_args(Company)


@dataclass(frozen=True, kw_only=True)
class Album:
    """The photos of one run: two with the same picture under different names, and, in company, another."""

    name: str
    pictures: dict[str, bytes]

    @classmethod
    def new(cls, company: Company) -> "Album":
        number = next(_numbers)
        picture, name = (larger_photo if company == "larger" else photo)(2 * number), f"{number:05d}"
        pictures = {f"{name}/first.png": picture, f"{name}/twin.png": picture}
        if company == "together":
            pictures[f"{name}/other.png"] = photo(2 * number + 1)
        return cls(name=name, pictures=pictures)

    @property
    def sha256s(self) -> set[str]:
        return {hashlib.sha256(picture).hexdigest() for picture in self.pictures.values()}


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One way of one stage to come to grief."""

    stage: str
    company: Company
    stop: Stop
    effect: str
    of: int

    def __str__(self) -> str:
        stop = self.stop
        moment = "from" if stop.way in REFUSING else stop.moment
        return f"{self.stage} {self.company}, {stop.way} {moment} {self.effect} ({stop.number} of {self.of})"


def record(deployment: Deployment, stage: str, company: Company) -> list[Effect]:
    """The side effects of a stage when nothing goes wrong, in order."""
    album = Album.new(company)
    invocation = _reach(deployment, album, stage, company, NEVER)
    assert invocation.answer is not None, f"{stage} failed without any stop: {invocation.said}"
    _drop_the_rest(deployment, album, company)
    assert deployment.run_to_the_end(), f"{stage} {company}: messages remain though nothing was stopped"
    wrong = list(_undelivered(deployment, album))
    assert not wrong, f"{stage} {company}, though nothing was stopped: {wrong}"
    return sorted(invocation.effects.values(), key=lambda effect: effect.number)


def every_kill(stage: str, company: Company, recorded: Sequence[Effect], way: Way) -> Iterator[Kill]:
    """Before and after each side effect.

    Between two of one thread nothing leaves the process, so for one that dies there "after" is the next one's "before";
    it is left out. Not so for an exception: raised "after", it is the answer that gets lost. AWS refuses its own calls
    only, and from their beginning.
    """
    one_by_one = {effect.number for effect, after in pairwise(recorded) if effect.thread == after.thread}
    for effect in recorded:
        moments: list[Moment] = ["before", "after"]
        if way in REFUSING:
            moments = [] if effect.where is None else ["before"]
        elif company != "together" and way != "raises" and effect.number in one_by_one and effect.name != PAID_CALL:
            moments = ["before"]
        for moment in moments:
            stop = Stop(number=effect.number, moment=moment, way=way)
            yield Kill(stage=stage, company=company, stop=stop, effect=effect.name, of=len(recorded))


def suffer(deployment: Deployment, kill: Kill) -> list[str]:
    """Carry out one kill and let the queues bring the work back; what is wrong afterwards, in sentences."""
    album = Album.new(kill.company)
    deployment.metrics()
    stopped = _reach(deployment, album, kill.stage, kill.company, kill.stop)
    if not stopped.stopped:
        # In a batch the threads' order changes the number of side effects a little: there the last may not be reached.
        return [] if kill.company == "together" else [f"{kill}: this side effect was not reached"]
    in_flight = stopped.calls_in_flight(call=PAID_CALL, kept_by=KEEPS_THE_ANSWER)
    # Calls side by side do not keep the order that was recorded.
    kill = replace(kill, effect=stopped.effects[kill.stop.number].name)
    if refusal := stopped.refusal:
        kill = replace(kill, effect=f"{refusal.name} {refusal.where}".rstrip())
        # Of other photos the answers may be refused later in that minute, each of them once.
        in_flight = len(album.sha256s) if refusal.name == KEEPS_THE_ANSWER and kill.stage == "cut" else 0
    _drop_the_rest(deployment, album, kill.company)
    deployment.wait_until_nothing_is_refused()
    wrong = []
    if refusal and not any(effect.moment == "refused" for effect in stopped.effects.values()):
        wrong.append("AWS did not refuse it")
    if not deployment.run_to_the_end() or deployment.left_over():
        wrong.append(f"messages remain, perhaps in a dead-letter queue: {deployment.left_over()}")
        deployment.start_anew()
    untagged_too = kill.effect.startswith(TAGGING) and kill.stop.way in ("raises", *REFUSING)
    wrong += _undelivered(deployment, album, untagged_too=untagged_too)
    wrong += _wrongly_paid(deployment, album, in_flight)
    return [f"{kill}: {what}" for what in wrong]


def _reach(deployment: Deployment, album: Album, stage: str, company: Company, stop: Stop) -> Invocation:
    """Bring the photos to a stage and run it with the stop."""
    deployment.clock.move_on(_A_WHILE_SECONDS)
    deployment.open_gate()
    for key in _first(album, company):
        deployment.drop(key, album.pictures[key])
    deployment.run(STAGES[: STAGES.index(stage)])
    return deployment.work_off(stage, deployment.receive(stage), stop)


def _first(album: Album, company: Company) -> list[str]:
    keys = list(album.pictures)
    return keys if company == "together" else keys[:1]


def _drop_the_rest(deployment: Deployment, album: Album, company: Company) -> None:
    """While the stopped photo's message is still unseen: its twin meets what the dead worker left behind."""
    for key in list(album.pictures)[len(_first(album, company)) :]:
        deployment.drop(key, album.pictures[key])


def _undelivered(deployment: Deployment, album: Album, *, untagged_too: bool = False) -> Iterator[str]:
    events = deployment.hear_events()
    for key in album.pictures:
        job = deployment.job(key)
        if job.get("status") != "delivered":
            yield f"{key} is {job.get('status')} ({job.get('reason')})"
            continue
        try:
            if deployment.output_of(job)["dropcut-job-id"] != job["job_id"]:
                yield f"{key} is delivered, but its output is another's"
        except ClientError as error:
            yield f"{key} is delivered, but its output is not there: {error}"
        if not events["Cutout Delivered", key]:
            yield f"{key} is delivered, but no event says so"
        missing = set(RENDITIONS) - deployment.renditions_of(key, job["job_id"])
        if missing:
            yield f"{key} is delivered, but without its renditions {missing}"
        if deployment.tag(key) not in (("delivered", None) if untagged_too else ("delivered",)):
            yield f"{key} is delivered, but its tag says {deployment.tag(key)}"


def _wrongly_paid(deployment: Deployment, album: Album, in_flight: int) -> Iterator[str]:
    """Each picture once; one more only for a call whose answer could not be kept, and only when it was counted."""
    charged = [call["picture_sha256"] for call in deployment.api.calls() if call["charged"]]
    times = {sha256: charged.count(sha256) for sha256 in album.sha256s}
    once_more = sum(times.values()) - len(times)
    if not all(times.values()) or once_more > in_flight or max(times.values()) > 2:
        yield f"paid calls per picture {sorted(times.values())}, with {in_flight} not kept"
    counted = deployment.metrics()["PossiblyPaidCalls"]
    if once_more > counted:
        yield f"{once_more} calls were paid in vain and {counted:g} counted as possibly paid"
