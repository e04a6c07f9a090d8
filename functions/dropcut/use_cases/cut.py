"""Cut: buys a cut-out for each picture, and none for a picture that was bought, refused or replaced before."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial

from dropcut.adapters.api_key import ApiKeyMissingError
from dropcut.adapters.job_records import JobRecords, JobState
from dropcut.adapters.object_store import ObjectGoneError, ObjectStore
from dropcut.adapters.snapshot import Snapshots
from dropcut.core.message_checks import check_content, check_request
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult, Wait
from dropcut.core.messages import (
    NOT_ASKED_AGAIN,
    CutRequest,
    Ended,
    MalformedMessageError,
    PaidAnswer,
)
from dropcut.core.photo_source import INPUT_REMOVED, PhotoSource, why_no_input
from dropcut.core.ports import Together
from dropcut.observability import count, log_about, logger
from dropcut.use_cases.account import Account, Accounts
from dropcut.use_cases.claim import AlreadyPaid, Claims, InFlight, Remembered
from dropcut.use_cases.endings import Endings
from dropcut.use_cases.purchase import Purchases

IN_FLIGHT_WAIT_SECONDS = 5.0
_SUPERSEDED = Ended(
    kind="skipped", code="superseded", reason="A newer upload of the same key came before it was paid for."
)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Handles the messages of the cut queue, batch by batch."""

    accounts: Accounts
    claims: Claims
    snapshots: Snapshots
    jobs: JobRecords
    objects: ObjectStore
    sources: Sequence[PhotoSource]
    """Where photos may come from."""
    work_bucket: str
    purchases: Purchases
    endings: Endings
    together: Together

    def begin(self, messages: Sequence[Message], *, ends_at: float) -> Callable[[Message], MessageResult]:
        """Learn once for a whole batch how things are; returns what handles each of its messages.

        Args:
            ends_at: when the invocation runs out of time (epoch seconds).
        """
        try:
            key = self.accounts.keys.current()
        except ApiKeyMissingError:
            key = None  # the account closes the gate when the first picture is to be bought
        requests = dict(self._readable(messages))
        uploads = [request.upload for request in requests.values()]
        snapshot = self.snapshots.read(key.fingerprint if key else "", uploads)
        account = Account(self.accounts, key=key, gate=snapshot.gate, health=snapshot.health, ends_at=ends_at)

        def handle(message: Message) -> MessageResult:
            """Raises MalformedMessageError: the message holds no cut request that prepare could have written."""
            request = _as_redriven(requests.get(message.body) or self._read(message.body), message)
            return self._handle(account, snapshot.jobs[request.upload.job_id], request)

        return handle

    def announce_failure(self, message: Message, reason: str) -> None:
        """Publish that a photo failed, before its message is dead-lettered: it waited too long, or is of no input."""
        request = _as_redriven(self._read(message.body), message)
        code = INPUT_REMOVED if self._why_no_input(request) else "waited_too_long"
        self.endings.announce(request, Ended(kind="failed", code=code, reason=reason))

    def _why_no_input(self, request: CutRequest) -> str:
        return why_no_input(self.sources, request.upload.bucket, request.upload.key)

    def _read(self, body: str) -> CutRequest:
        request = CutRequest.from_json(body)
        check_request(request)
        return request

    def _readable(self, messages: Sequence[Message]) -> Iterator[tuple[str, CutRequest]]:
        """Requests by the bodies that hold them; the other messages are dead-lettered when they are handled."""
        for message in messages:
            with suppress(MalformedMessageError):
                yield message.body, self._read(message.body)

    def _handle(self, account: Account, state: JobState, request: CutRequest) -> MessageResult:
        log_about(request.upload)
        result = self._result(account, state, request)
        if isinstance(result, Wait):
            count("CallsDeferred")
            logger.info("The picture waits", why=result.why, seconds=round(result.seconds, 1))
            if account.gate.is_closed:
                now = self.accounts.clock()
                self.jobs.waits(request.upload, why=result.why, next_try=account.gate.until, now=now)
        return result

    def _result(self, account: Account, state: JobState, request: CutRequest) -> MessageResult:
        if state == "ended":
            return Done()  # the message came twice
        if removed := self._why_no_input(request):
            return DeadLetter(reason=removed, details={"code": INPUT_REMOVED}, announce=True)
        if state == "superseded":
            self.endings.end(request, _SUPERSEDED)
            return Done()
        wait = account.must_wait()
        if wait:
            return wait
        return self._bought_once(account, request)

    def _bought_once(self, account: Account, request: CutRequest) -> MessageResult:
        with ExitStack() as claims:
            claiming = self.claims.claim(request.payment_key, redriven_at=request.redriven_at)
            if request.content:
                found, picture = claims.enter_context(claiming), [request.content]
            else:
                found, picture = self.together(partial(claims.enter_context, claiming), partial(self._picture, request))
            match found:
                case AlreadyPaid(answer=answer, job_id=job_id):
                    return self._reuse(request, answer, is_copy=job_id != request.upload.job_id)
                case InFlight(until=until):
                    seconds = min(IN_FLIGHT_WAIT_SECONDS, max(1.0, until - self.accounts.clock()))
                    return Wait(seconds=seconds, why="the same picture is being paid for right now")
                case Remembered(ended=ended, job_id=job_id):
                    return self._repeat(request, ended, is_copy=job_id != request.upload.job_id)
                case claim:
                    return self.purchases.buy(account, request, claim, picture)

    def _picture(self, request: CutRequest) -> list[bytes]:
        """The bytes to send, in a list, which the call empties; one that is empty: they are gone.

        Raises MalformedMessageError: others lie there.
        """
        try:
            content = self.objects.read(self.work_bucket, request.picture.work_key)
        except ObjectGoneError:
            return []
        check_content(content, request.picture)
        return [content]

    def _reuse(self, request: CutRequest, answer: PaidAnswer, *, is_copy: bool) -> MessageResult:
        if self.objects.metadata_and_etag(self.work_bucket, answer.work_key) is None:
            self.claims.payments.forget_answer(request.payment_key, answer)
            return Wait(seconds=0, why="the answer that was paid for before is not kept any more")
        self.purchases.reuse(request, answer.for_a_copy() if is_copy else answer)
        return Done()

    def _repeat(self, request: CutRequest, ended: Ended, *, is_copy: bool) -> MessageResult:
        """A picture that ended before ends in the same way again: as a copy, or after its worker died."""
        if is_copy:
            reason = f"{ended.reason} {NOT_ASKED_AGAIN}"
            ended = replace(ended, reason=reason, attempts=0, possibly_paid=0, request_id=None)
        self.purchases.end(request, ended)
        return Done()


def _as_redriven(request: CutRequest, message: Message) -> CutRequest:
    """With when somebody asked for it to be tried again, if its message says so."""
    if not message.redriven:
        return request
    return replace(request, redriven_at=max(request.redriven_at, message.sent_at_seconds))
