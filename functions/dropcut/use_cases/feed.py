"""Feed: sends the next photos of the running back-fills to prepare, as many as the pace takes until the next visit.

Woken once a minute while a back-fill runs. A crash repeats a page; prepare leaves alone what is done already.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dropcut.adapters.api_key import ApiKeyMissingError, ApiKeys
from dropcut.adapters.job_records import JobRecord
from dropcut.core import events
from dropcut.core.backfill import (
    Backfill,
    Entry,
    ListNotReadableError,
    Page,
    Share,
    Waiting,
    next_share,
    paid_for_today,
)
from dropcut.core.cutout_request import BEFORE_ALL, request_event
from dropcut.core.messages import Upload
from dropcut.core.photo_source import ByPhoto, PhotoSource, lets_through
from dropcut.core.ports import BackfillStore, GateStore, IntakeQueue
from dropcut.observability import count, logger

PAGE = 1000
"""The most that S3 lists at once."""
LEAST_PAGE = 100
"""So many objects are looked at although fewer may be sent: most may be done, and each page costs some requests."""
SECONDS_FOR_A_PAGE = 10.0
"""A page is not begun with less time left: a hundred requests to SQS, and some to others."""


class PageReader(Protocol):
    def page(self, backfill: Backfill, *, most: int) -> Page: ...


class Records(Protocol):
    """What is on record of photos."""

    def records(self, bucket: str, keys: Sequence[str]) -> Mapping[str, JobRecord]: ...


class Publisher(Protocol):
    def publish(self, event: events.Event, *, occasion: str = "") -> None: ...


class Spending(Protocol):
    """The day's credits."""

    def spent(self, fingerprint: str, *, now: float) -> float: ...


class Rule(Protocol):
    """What wakes the feeder."""

    def turn_on(self) -> None: ...
    def turn_off(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Feed:
    backfills: BackfillStore
    lists: PageReader
    jobs: Records
    rendition_names: ByPhoto[Sequence[str]]
    """Those that would be made of a photo now."""
    intake: IntakeQueue
    cut_queue: IntakeQueue
    gate: GateStore
    keys: ApiKeys
    budget: Spending
    credits_per_image: float
    daily_credit_limit: float
    """0 means no limit."""
    events: Publisher
    rule: Rule
    sources: Sequence[PhotoSource]
    interval_seconds: float
    """Between two calls of the API at the pace."""
    clock: Callable[[], float]

    def __call__(self, *, ends_at: float) -> None:
        """Send what may be sent now. `ends_at`: when the invocation runs out of time (epoch seconds)."""
        every = self.backfills.all()
        running = _in_turn(every)
        if not running:
            self._rest()
            return
        gate = self.gate.get()
        if gate.is_closed:
            logger.info("Nothing is fed while the spending is paused", code=gate.code)
            return
        share, errors = self._share(every), []
        for backfill in running:
            try:
                share = self._feed(backfill, share, ends_at) if share.count else share
            except Exception as error:
                logger.exception("A back-fill met an error; the others take their turns", backfill=backfill.name)
                errors.append(error)
                share = self._share(self.backfills.all())  # what it had sent by then counts
        if errors:
            raise errors[0]

    def _share(self, every: Sequence[Backfill]) -> Share:
        """Photos of a back-fill that has finished, or was stopped, may yet have to be seen: they count, too."""
        waiting = self.intake.waiting() + self.cut_queue.waiting()
        share = next_share(
            now=self.clock(),
            fed_until=max(each.fed_until for each in every),
            waiting=waiting,
            interval_seconds=self.interval_seconds,
        )
        return share.at_most(self._paid_for_today(waiting)) if self.daily_credit_limit and share.count else share

    def _paid_for_today(self, waiting: Waiting) -> int:
        """How many photos the day's credits still buy: a part of them is left for live photos."""
        try:
            key = self.keys.current()
        except ApiKeyMissingError as error:
            # Cut may be able to read it where the feeder is not. The alarm `Errors` looks for these words.
            logger.error("A back-fill cannot go on: the day's credits are counted by the API key", reason=str(error))
            return 0
        most = paid_for_today(
            spent=self.budget.spent(key.fingerprint, now=self.clock()),
            waiting=waiting,
            daily_credit_limit=self.daily_credit_limit,
            credits_per_image=self.credits_per_image,
        )
        if not most:
            logger.info("The day's credits for back-fills are spent, or what waits will spend them")
        return most

    def _rest(self) -> None:
        """Be woken no more. One that is started meanwhile has turned the rule on before it was turned off."""
        self.rule.turn_off()
        if _in_turn(self.backfills.all()):
            self.rule.turn_on()

    def _feed(self, backfill: Backfill, share: Share, ends_at: float) -> Share:
        """Send pages of one back-fill; returns what is left for others."""
        if not backfill.announced:
            self.events.publish(events.backfill_started(backfill), occasion=backfill.name)
            self.backfills.announced(backfill)
        sources = [source for source in self.sources if _takes_from(source, backfill)]
        if not sources:
            self._break_off(backfill, _NO_INPUT.format(backfill))
            return share
        while share.count and self.clock() + SECONDS_FOR_A_PAGE <= ends_at:
            try:
                page = self.lists.page(backfill, most=min(PAGE, max(LEAST_PAGE, share.count)))
            except ListNotReadableError as error:
                self._break_off(backfill, str(error))
                return share
            to_do = self._to_do(backfill.bucket, _photos(page, sources))
            if len(to_do) > share.count:
                page, to_do = page.before(to_do[share.count]), to_do[: share.count]
            photos = _photos(page, sources)
            count(PhotosDoneBefore=len(photos) - len(to_do))
            self._send(backfill, to_do, share)
            share = share.after(len(to_do))
            after = self._counted(backfill, page, len(photos), share)
            status = self.backfills.page_sent(backfill, after)
            if status == "running" and page.is_last:
                self._finish(after)
            if status != "running" or page.is_last:
                return share
            backfill = after
        return share

    def _to_do(self, bucket: str, photos: Sequence[Entry]) -> Sequence[Entry]:
        """Those that prepare would not find done. It takes them at the pace of the API, one by one."""
        known = self.jobs.records(bucket, [each.key for each in photos])
        return [each for each in photos if not self._is_done(bucket, each, known.get(each.key))]

    def _is_done(self, bucket: str, photo: Entry, known: JobRecord | None) -> bool:
        """As prepare has it. Where the list does not say enough, prepare decides."""
        return known is not None and known.is_done(etag=photo.etag, names=self.rendition_names(bucket, photo.key))

    def _send(self, backfill: Backfill, photos: Sequence[Entry], share: Share) -> None:
        delays = share.delays(len(photos), now=self.clock())
        bodies = [_request(backfill, entry.key) for entry in photos]
        self.intake.send_later(list(zip(bodies, delays, strict=True)))
        count(PhotosFed=len(photos))

    def _counted(self, backfill: Backfill, page: Page, photos: int, share: Share) -> Backfill:
        return replace(
            backfill,
            cursor=page.cursor,
            seen=backfill.seen + len(page.entries),
            sent=backfill.sent + photos,
            fed_at=self.clock(),
            fed_until=share.begins,
        )

    def _finish(self, backfill: Backfill) -> None:
        """Published first: a crash in between publishes the same event again."""
        self.events.publish(events.backfill_finished(backfill), occasion=backfill.name)
        self.backfills.finish(backfill, now=self.clock())
        logger.info("A back-fill is finished", backfill=backfill.name, seen=backfill.seen, sent=backfill.sent)

    def _break_off(self, backfill: Backfill, reason: str) -> None:
        self.backfills.break_off(backfill, reason)
        count("BackfillsBroken")
        logger.error("A back-fill cannot go on", backfill=backfill.name, reason=reason)


_NO_INPUT = (
    "No photos are taken from s3://{0.bucket}/{0.prefix} any more: its input was taken away. Add it back, deploy, then "
    "run `dropcut backfill resume {0.name}`."
)


def _takes_from(source: PhotoSource, backfill: Backfill) -> bool:
    """Whether one key may be of both."""
    ours, theirs = source.prefix, backfill.prefix
    return source.bucket == backfill.bucket and (ours.startswith(theirs) or theirs.startswith(ours))


def _photos(page: Page, sources: Sequence[PhotoSource]) -> Sequence[Entry]:
    return [each for each in page.entries if lets_through(sources, each.key, each.size_bytes)]


def _in_turn(every: Sequence[Backfill]) -> Sequence[Backfill]:
    """Those that run: the one that has waited longest comes first."""
    return sorted((each for each in every if each.status == "running"), key=lambda each: each.fed_at)


def _request(backfill: Backfill, key: str) -> str:
    return json.dumps(
        request_event(Upload(bucket=backfill.bucket, key=key, sequencer=BEFORE_ALL, request=backfill.request))
    )
