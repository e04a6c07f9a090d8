"""The purchase of one cut-out: from the claim on its picture to the stored answer, or to who has to wait for what."""

from dataclasses import dataclass
from datetime import UTC, datetime

from dropcut.adapters.api import ApiCall
from dropcut.adapters.api_key import ApiKey
from dropcut.adapters.gate_record import Closed
from dropcut.adapters.object_store import ObjectGoneError
from dropcut.adapters.payment_records import Claimed
from dropcut.core.api_limits import OUTPUT_FORMATS
from dropcut.core.backoff import full_jitter_seconds
from dropcut.core.job import CutRequest, Ended, PaidAnswer
from dropcut.core.message_result import Message, MessageResult, Postpone
from dropcut.core.outcome import Delivered, Expected, LockedOut, Pause, Rejected, RetryLater, classify, may_be_charged
from dropcut.core.pace import Slot
from dropcut.observability import count, duration, logger
from dropcut.use_cases.spending import Spending, SpendingRound

LONGEST_BACKOFF_SECONDS = 900.0
_DAY_SECONDS = 86_400
ACCOUNT_FAILURES_IN_A_ROW = 3
"""So many failures in a row, the last of a kind that points at the account, are believed: a pause ends by itself."""


@dataclass(kw_only=True)
class Purchase:
    """One claimed picture on its way to being paid for."""

    round: SpendingRound
    request: CutRequest
    message: Message
    unit: str
    claim: Claimed
    paying_key: ApiKey | None = None
    """The key that the credits were taken for: another thread of the round may put a new one in its place meanwhile."""
    picture: bytes = b""
    """What is to be sent; nobody else holds it, so that it is gone when it is sent."""
    credits_taken_at: float | None = None
    claim_is_held: bool = True
    """Until it is given back, given up or paid for; from then on another worker may hold it."""
    is_attempt: bool = False
    """Whether an error now would end an attempt: a call was begun, and its answer does not only say to wait."""
    may_be_charged: bool = False

    def make(self) -> MessageResult:
        """Pay for the picture if everything allows it; otherwise give the claim back and say what is to happen."""
        try:
            return self._recovered() or self._exhausted() or self._buy()
        except BaseException:
            # Not swallowed: the claim goes back, saying whether money may be gone, and the error goes on its way.
            if self.claim_is_held:
                if self.may_be_charged:
                    count("PossiblyPaidCalls")
                self._give_back(counts=self.is_attempt, possibly_paid=self.may_be_charged)
            raise

    @property
    def _spending(self) -> Spending:
        return self.round.spending

    @property
    def _work_key(self) -> str:
        return f"paid/{self.unit}"

    def _recovered(self) -> MessageResult | None:
        """The answer of a worker that stored it but could not record it any more: paid for already."""
        if self.claim.predecessor_died:
            count("PossiblyPaidCalls")
        if not self.claim.seen_before:
            return None
        found = self._spending.objects.metadata_and_etag(self._spending.work_bucket, self._work_key)
        if found is None:
            return None
        metadata, _etag = found
        keep_seconds = self._spending.payments.keep_days * _DAY_SECONDS
        if float(metadata.get("paid-at") or self._spending.clock()) < self._spending.clock() - keep_seconds:
            return None  # of an earlier payment, whose time is over: the file would be gone before its record
        answer = self._answer(request_id=metadata.get("request-id") or None)
        return self._record(answer)

    def _exhausted(self) -> MessageResult | None:
        """Workers that died used up the attempts, before any of them could say so."""
        rules = self._spending.rules
        if self.claim.attempts <= rules.max_attempts and self.claim.possibly_paid < rules.max_possibly_paid:
            return None
        attempts, possibly_paid = self.claim.attempts - 1, self.claim.possibly_paid
        reason = f"{attempts} attempts ended without an answer, and {possibly_paid} of the calls may have been charged."
        return self._give_up(
            Ended(
                kind="failed",
                code="attempts_exhausted",
                reason=reason,
                attempts=attempts,
                possibly_paid=possibly_paid,
            )
        )

    def _buy(self) -> MessageResult:
        spending, round_ = self._spending, self.round
        try:
            self.picture = spending.objects.read(spending.work_bucket, self.request.picture.work_key)
        except ObjectGoneError:
            self._forget_attempts()
            return round_.fail(
                self.request,
                Ended(
                    kind="failed",
                    code="prepared_gone",
                    reason="The prepared picture is gone from the work bucket. Upload the photo again.",
                    attempts=self.claim.attempts - 1,
                    possibly_paid=self.claim.possibly_paid,
                ),
            )
        slot = round_.next_slot()
        return self._back(slot) if isinstance(slot, Postpone) else self._call_at(slot)

    def _call_at(self, slot: Slot) -> MessageResult:
        """Take the credits, wait for the slot, and call unless something changed meanwhile."""
        round_ = self.round
        if not self._take_credits():
            return self._pause(self._budget_reached())
        stay_away = round_.wait_for(slot, self._key)  # nothing that takes time may stand between this and the call
        if round_.closed:
            return self._pause(round_.closed)
        if self._a_new_day_began():
            stay_away = Postpone(seconds=0, why="its credits were taken from yesterday's budget")
        return self._back(stay_away) if stay_away else self._call()

    def _take_credits(self) -> bool:
        now = self._spending.clock()
        key = self.paying_key = self._key
        if self._spending.budget.take(key.fingerprint, self._spending.rules.credits_per_image, now=now):
            self.credits_taken_at = now
            return True
        return False

    def _a_new_day_began(self) -> bool:
        """While it waited for its slot: the call would be beyond the budget of the day on which it is made."""
        assert self.credits_taken_at is not None
        return _utc_day(self.credits_taken_at) != _utc_day(self._spending.clock())

    @property
    def _key(self) -> ApiKey:
        key = self.paying_key or self.round.key
        assert key is not None  # a round without a key is closed and buys nothing
        return key

    def _call(self) -> MessageResult:
        spending, sent = self._spending, self.request.picture
        key, started = self._key, spending.clock()
        self.is_attempt = self.may_be_charged = True
        reply = spending.api.remove_background(self._handed_over(), key)
        count("ApiCalls")
        duration("ApiMilliseconds", milliseconds=(spending.clock() - started) * 1000)
        expected = Expected(width=sent.width, height=sent.height, format=spending.rules.output_format)
        with self.round.one_answer_at_a_time:  # to read one takes three times its size
            decision = classify(reply, expected)
        del reply
        self.is_attempt, self.may_be_charged = not isinstance(decision, LockedOut | Pause), may_be_charged(decision)
        match decision:
            case Delivered() as delivered:
                return self._keep(delivered)
            case Rejected() as rejected:
                return self._reject(rejected)
            case LockedOut(seconds=seconds):
                return self._back(self._locked_out(key, seconds))
            case Pause(code="key_refused") if self.round.holds_another_key(key):
                return self._back(Postpone(seconds=0, why="the secret holds another key by now"))
            case Pause(code=code, reason=reason):
                return self._pause(self.round.close(code, reason))
            case RetryLater() as retry:
                return self._retry(retry)

    def _reject(self, rejected: Rejected) -> MessageResult:
        """The photo's end goes out before its claim does: whoever died in between does not call again."""
        if rejected.account_is_well:
            self.round.call_went_well()
        else:
            self._spending.failures.ended()
        if rejected.possibly_paid:
            count("PossiblyPaidCalls")
        else:
            self._return_credits()
        end = Ended(
            kind="rejected",
            code=rejected.code,
            reason=rejected.reason,
            attempts=self.claim.attempts,
            possibly_paid=self.claim.possibly_paid + rejected.possibly_paid,
            request_id=rejected.request_id,
        )
        done = self.round.end(self.request, end)
        self._forget_attempts()
        return done

    def _handed_over(self) -> ApiCall:
        """The picture in its call, out of our hands."""
        picture, self.picture = self.picture, b""
        output_format = self._spending.rules.output_format
        return ApiCall(picture=picture, picture_format=self.request.picture.format, output_format=output_format)

    def _keep(self, delivered: Delivered) -> MessageResult:
        """Store the answer before anything else: from here on a crash costs nothing."""
        spending = self._spending
        form = OUTPUT_FORMATS[spending.rules.output_format]
        metadata = {
            "request-id": delivered.request_id or "",
            "credits": f"{spending.rules.credits_per_image:g}",
            "paid-at": f"{spending.clock():.0f}",
        }
        spending.objects.write(
            spending.work_bucket,
            self._work_key,
            delivered.picture,
            content_type=form.content_type,
            metadata=metadata,
        )
        answer = self._answer(request_id=delivered.request_id)
        self.round.call_went_well()
        logger.info("The picture is paid for", credits=answer.credits, request_id=answer.request_id)
        return self._record(answer)

    def _record(self, answer: PaidAnswer) -> MessageResult:
        """The stored answer is paid for: nobody pays again, the photo goes on, and it is added up in any case."""
        job_id, now = self.request.upload.job_id, self._spending.clock()
        self._spending.payments.complete(self.unit, answer, job_id=job_id, now=now)
        self.claim_is_held = False
        try:
            return self.round.hand_on(self.request, answer)
        finally:
            count("PicturesPaid")
            count("CreditsSpent", answer.credits)
            self._spending.budget.add_to_total(self._key.fingerprint, answer.credits)

    def _answer(self, *, request_id: str | None) -> PaidAnswer:
        sent, rules = self.request.picture, self._spending.rules
        return PaidAnswer(
            work_key=self._work_key,
            picture_sha256=sent.sha256,
            format=rules.output_format,
            width=sent.width,
            height=sent.height,
            credits=rules.credits_per_image,
            request_id=request_id,
            provider=rules.provider,
        )

    def _locked_out(self, key: ApiKey, seconds: float | None) -> Postpone:
        spending = self._spending
        lockout = seconds if seconds is not None else spending.rules.lockout_seconds
        until = self.round.lock_out(spending.clock() + lockout)
        spending.pace.hold(key.fingerprint, until=until)
        return self.round.wait_for_lockout()

    def _budget_reached(self) -> Closed:
        reason = "The daily credit limit is reached; spending goes on at midnight UTC, or raise `daily_credit_limit`."
        return self.round.close(
            "daily_credit_limit", reason, not_after=_utc_day(self._spending.clock()).timestamp() + _DAY_SECONDS
        )

    def _retry(self, retry: RetryLater) -> MessageResult:
        """A failed call: try again, set the picture aside, or see the API's failure in it rather than the picture's."""
        rules = self._spending.rules
        in_a_row = self._spending.failures.failed()
        possibly_paid = self.claim.possibly_paid + retry.possibly_paid
        count("ApiRetries")
        if retry.possibly_paid:
            count("PossiblyPaidCalls")
        logger.warning(
            "The call failed",
            code=retry.code,
            reason=retry.reason,
            attempt=self.claim.attempts,
            possibly_paid=possibly_paid,
        )
        used_up = self.claim.attempts >= rules.max_attempts
        stays_so = used_up or in_a_row >= ACCOUNT_FAILURES_IN_A_ROW
        is_down = self.round.is_probe or in_a_row >= rules.pause_after_failures or (retry.then_pause and stays_so)
        if possibly_paid >= rules.max_possibly_paid:
            if is_down:
                self._close_for_failures(retry)
            return self._no_more_tries(retry, possibly_paid)
        if is_down:
            return self._api_is_down(retry)
        if used_up:
            return self._no_more_tries(retry, possibly_paid)
        self._give_back(counts=True, possibly_paid=retry.possibly_paid)
        wait = full_jitter_seconds(
            attempt=self.claim.attempts,
            base_seconds=rules.retry_base_seconds,
            ceiling_seconds=LONGEST_BACKOFF_SECONDS,
            chance=self._spending.chance(),
        )
        return Postpone(seconds=wait, why=retry.reason)

    def _api_is_down(self, retry: RetryLater) -> Postpone:
        """Nothing went well for some time: that is no picture's fault, and uses up no picture's attempts."""
        self._give_back(counts=False, possibly_paid=retry.possibly_paid)
        return self.round.wait_for_gate(self._close_for_failures(retry), self.message)

    def _close_for_failures(self, retry: RetryLater) -> Closed:
        self._spending.failures.ended()  # what failed before the pause is not held against the API after it
        if retry.then_pause:
            return self.round.close(retry.code, retry.reason)
        return self.round.close("api_failing", f"The API keeps failing. {retry.reason}")

    def _no_more_tries(self, retry: RetryLater, possibly_paid: int) -> MessageResult:
        if not retry.possibly_paid:
            self._return_credits()
        reason = (
            f"{retry.reason} It was attempt {self.claim.attempts} of {self._spending.rules.max_attempts}; "
            f"{possibly_paid} of the calls may have been charged."
        )
        return self._give_up(
            Ended(
                kind="failed",
                code=retry.code,
                reason=reason,
                attempts=self.claim.attempts,
                possibly_paid=possibly_paid,
                request_id=retry.request_id,
            )
        )

    def _give_up(self, failed: Ended) -> MessageResult:
        set_aside = self.round.fail(self.request, failed)
        self._forget_attempts()
        return set_aside

    def _pause(self, closed: Closed) -> Postpone:
        return self._back(self.round.wait_for_gate(closed, self.message))

    def _back(self, postpone: Postpone) -> Postpone:
        """To wait is no attempt."""
        self._give_back(counts=False)
        return postpone

    def _give_back(self, *, counts: bool, possibly_paid: bool = False) -> None:
        if not possibly_paid:
            self._return_credits()
        self.claim_is_held = False
        self._spending.payments.release(
            self.unit, now=self._spending.clock(), counts=counts, possibly_paid=possibly_paid
        )

    def _forget_attempts(self) -> None:
        self.claim_is_held = False
        self._spending.payments.give_up(self.unit, now=self._spending.clock())

    def _return_credits(self) -> None:
        """At most once, also when an error hides whether it was done: credits given back twice could be spent twice."""
        taken_at, self.credits_taken_at = self.credits_taken_at, None
        if taken_at is not None:
            self._spending.budget.give_back(
                self._key.fingerprint, self._spending.rules.credits_per_image, taken_at=taken_at
            )


def _utc_day(seconds: float) -> datetime:
    """The midnight at which the day of this time began."""
    return datetime.fromtimestamp(seconds, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
