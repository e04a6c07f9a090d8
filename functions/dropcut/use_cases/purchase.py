"""The purchase of one cut-out: from the claim on its picture to the stored answer, or to a wait with its reason.

The answer is stored before anything else happens with it: from then on a crash costs nothing.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from dropcut.adapters.api import ApiCall, PaidApi
from dropcut.adapters.object_store import ObjectStore, not_there_yet
from dropcut.core.backoff import full_jitter_seconds
from dropcut.core.blame import Verdict
from dropcut.core.decision import Decision, GavePicture, LockedOut, Trouble, decide, possibly_paid
from dropcut.core.message_result import Done, MessageResult, Wait
from dropcut.core.messages import PAID, CutRequest, Ended, PaidAnswer, Upload
from dropcut.core.ports import Sender, Together
from dropcut.observability import count, logger
from dropcut.use_cases.account import Account, Accounts, Permit
from dropcut.use_cases.claim import Claim
from dropcut.use_cases.endings import Endings

LONGEST_BACKOFF_SECONDS = 900.0
STORE_AGAIN_SECONDS = 5.0
LOOK_AFTER_SECONDS = 60.0
"""A photo that has waited for so long is looked for before it is paid for: it may have been deleted."""
_DELETED = Ended(kind="skipped", code="gone", reason="The photo was deleted before it was paid for.")


@dataclass(frozen=True, kw_only=True)
class Purchases:
    accounts: Accounts
    api: PaidApi
    provider: str
    objects: ObjectStore
    work_bucket: str
    keep_seconds: float
    """How long answers are used again."""
    endings: Endings
    deliver_queue: Sender
    together: Together
    store_seconds: float
    """The longest time to store one answer, with all tries of the client."""
    retry_base_seconds: float
    one_answer_at_a_time: Lock = field(default_factory=Lock)
    """To read one takes three times its size in memory."""

    def buy(self, account: Account, request: CutRequest, claim: Claim, picture: list[bytes]) -> MessageResult:
        """Pay for a claimed picture if everything allows it; otherwise say what is to happen with its message.

        Args:
            picture: the bytes to send, in a list that is emptied by the call; empty when they are gone.
        """
        answer = self._recovered(request, claim)
        if answer:
            return self._paid(request, claim, answer)
        if self._is_exhausted(claim):
            return self._remember_end(request, claim, _exhausted(claim))
        if claim.another_call_lost:
            account.call_lost()
        if not picture or self._was_deleted(request.upload):
            return self._end_unbought(request, claim, has_picture=bool(picture))
        permit = account.permit()
        if isinstance(permit, Wait):
            return permit
        claim.at_risk = True
        try:
            decision = self._call(request, picture, permit)
            if isinstance(decision, GavePicture):
                self._store(account, request, decision, permit)
        except Exception as error:
            account.answer_lost(error, permit)
            raise  # the claim goes back, and counts what may have been charged
        if isinstance(decision, GavePicture):
            claim.at_risk = False
            account.went_well(permit)
            return self._paid(request, claim, self._answer(request, decision.request_id, decision.note))
        claim.at_risk = possibly_paid(decision)
        return self._settle(account, request, claim, permit, decision)

    def _was_deleted(self, upload: Upload) -> bool:
        now = self.accounts.clock()
        is_new = now - upload.arrived_at_seconds <= LOOK_AFTER_SECONDS or not_there_yet(upload, now=now)
        return not is_new and self.objects.is_gone(upload.bucket, upload.key)

    def _is_exhausted(self, claim: Claim) -> bool:
        """Whether workers that died used up the attempts, before any of them could say so."""
        payment, most = claim.payment, self.accounts.rules.blame
        return payment.attempts > most.max_attempts or payment.possibly_paid >= most.max_possibly_paid

    def _recovered(self, request: CutRequest, claim: Claim) -> PaidAnswer | None:
        """The answer of a worker that stored it but could not record it any more: paid for already."""
        answer, paid_at = self._stored_answer(request) if claim.payment.exists else (None, 0.0)
        # That of an earlier payment, whose time is over, would be gone before its record.
        return answer if paid_at >= self.accounts.clock() - self.keep_seconds else None

    def _end_unbought(self, request: CutRequest, claim: Claim, *, has_picture: bool) -> MessageResult:
        """The photo was deleted, or its prepared picture is gone, as it is once a copy of it is paid for.

        That copy's answer is kept for as long as a message can wait (`infra/src/dropcut_cdk/storage.py`). It is
        delivered here also when it is too old to be used for a new photo.
        """
        answer = None if has_picture else self._stored_answer(request)[0]
        if answer:
            self.reuse(request, answer.for_a_copy())
        else:
            deleted = has_picture or self._was_deleted(request.upload)
            self.endings.end(request, _DELETED if deleted else _prepared_gone(claim))
        return Done()

    def reuse(self, request: CutRequest, answer: PaidAnswer) -> None:
        """Hand an answer on that was paid for before."""
        count("AnswersReused")
        handed_on = request.delivers(answer)
        self.together(partial(self.deliver_queue.send, handed_on), partial(self._remove_prepared, request))

    def _stored_answer(self, request: CutRequest) -> tuple[PaidAnswer | None, float]:
        """The answer that lies in the work bucket, and when it was paid for (epoch seconds)."""
        found = self.objects.metadata_and_etag(self.work_bucket, PAID + request.payment_key)
        if not found:
            return None, 0.0
        metadata, _etag = found
        answer = self._answer(request, metadata.get("request-id") or None, "")
        return answer, float(metadata.get("paid-at") or self.accounts.clock())

    def _call(self, request: CutRequest, picture: list[bytes], permit: Permit) -> Decision:
        sent, clock = request.picture, self.accounts.clock
        started = clock()
        reply = self.api.call(ApiCall(request.operation, picture.pop(), sent.format, request.upload.key), permit.key)
        count("ApiCalls", ApiMilliseconds=(clock() - started) * 1000)
        with self.one_answer_at_a_time:
            expected = request.operation.expected(width=sent.width, height=sent.height)
            return decide(reply, expected, api_key=permit.key.value)

    def _store(self, account: Account, request: CutRequest, answer: GavePicture, permit: Permit) -> None:
        """The answer in memory is money: it is tried until the time is up, while the gate keeps others from calling."""
        metadata = {
            "request-id": answer.request_id or "",
            "credits": f"{self.accounts.rules.credits_per_image:g}",
            "paid-at": f"{self.accounts.clock():.0f}",
        }
        key, content_type = PAID + request.payment_key, f"image/{request.operation.answer_format}"
        while True:
            try:
                self.objects.write(self.work_bucket, key, answer.picture, content_type=content_type, metadata=metadata)
            except Exception as error:
                logger.exception("A paid answer could not be stored")
                if self.accounts.clock() + STORE_AGAIN_SECONDS + self.store_seconds > account.ends_at:
                    raise
                with suppress(Exception):  # if the table cannot be asked either, it is tried again at the end
                    account.answer_lost(error, permit)
                self.accounts.sleep(STORE_AGAIN_SECONDS)
            else:
                return

    def _settle(
        self, account: Account, request: CutRequest, claim: Claim, permit: Permit, decision: Trouble
    ) -> MessageResult:
        verdict = account.gave_no_picture(decision, permit, claim.payment, request.payment_key)
        charged = possibly_paid(decision)
        logger.warning("The call gave no picture", code=decision.code, reason=decision.reason, ending=verdict.ending)
        if verdict.ending in ("rejected", "failed"):
            return self._remember_end(request, claim, self._ended(decision, verdict, claim))
        if verdict.ending == "tries again":
            count("ApiRetries")
            claim.release(counts=True, possibly_paid=charged)
            backoff = full_jitter_seconds(
                attempt=claim.payment.attempts,
                base_seconds=self.retry_base_seconds,
                ceiling_seconds=LONGEST_BACKOFF_SECONDS,
                jitter=self.accounts.jitter(),
            )
            return Wait(seconds=backoff, why=decision.reason)
        met_trouble = verdict.closes and not isinstance(decision, LockedOut)
        trouble_at = self.accounts.clock() if met_trouble else 0.0
        claim.release(counts=False, possibly_paid=charged, trouble_at=trouble_at, probe=bool(permit.probe))
        return account.must_wait() or Wait(seconds=0, why=decision.reason)

    def _paid(self, request: CutRequest, claim: Claim, answer: PaidAnswer) -> MessageResult:
        """The stored answer is paid for: nobody pays again, and the photo goes on."""
        logger.info("The picture is paid for", credits=answer.credits, request_id=answer.request_id)
        count("PicturesPaid", CreditsSpent=answer.credits)
        self.together(
            partial(claim.pay, answer, upload=request.upload),
            partial(self.deliver_queue.send, request.delivers(answer)),
            partial(self._remove_prepared, request),
        )
        return Done()

    def _remove_prepared(self, request: CutRequest) -> None:
        """Nobody needs the picture from now on. If one stays by mistake, it expires."""
        if request.content:
            return  # it came inside its message, and was never stored
        try:
            self.objects.remove(self.work_bucket, request.picture.work_key)
        except Exception as error:  # whatever it is: it must not hold up what is paid for
            said = f"{type(error).__name__}: {error}"
            logger.warning("The prepared picture was not removed", work_key=request.picture.work_key, reason=said)

    def _remember_end(self, request: CutRequest, claim: Claim, ended: Ended) -> MessageResult:
        """It is remembered first: whoever dies in between leaves a message that ends without another call."""
        claim.end(ended, job_id=request.upload.job_id)
        self.end(request, ended)
        return Done()

    def end(self, request: CutRequest, ended: Ended) -> None:
        """A refused picture is not needed any more: copies end by what is remembered, and a redrive makes it anew."""
        calls = [partial(self.endings.end, request, ended)]
        if ended.kind == "rejected":
            calls.append(partial(self._remove_prepared, request))
        self.together(*calls)

    def _ended(self, decision: Trouble, verdict: Verdict, claim: Claim) -> Ended:
        attempts, charged = claim.payment.attempts, claim.payment.possibly_paid + possibly_paid(decision)
        reason, kind = decision.reason, verdict.ending
        if kind == "failed":
            most = self.accounts.rules.blame.max_attempts
            reason += f" It was attempt {attempts} of {most}; {charged} of the calls may have been charged."
        return Ended(
            kind="rejected" if kind == "rejected" else "failed",
            code=decision.code,
            reason=reason,
            attempts=attempts,
            possibly_paid=charged,
            request_id=decision.request_id,
        )

    def _answer(self, request: CutRequest, request_id: str | None, note: str) -> PaidAnswer:
        sent = request.picture
        return PaidAnswer(
            work_key=PAID + request.payment_key,
            picture_sha256=sent.sha256,
            format=request.operation.answer_format,
            width=sent.width,
            height=sent.height,
            credits=self.accounts.rules.credits_per_image,
            request_id=request_id,
            provider=self.provider,
            note=note,
        )


def _exhausted(claim: Claim) -> Ended:
    attempts, charged = claim.payment.attempts - 1, claim.payment.possibly_paid
    reason = f"{attempts} attempts ended without an answer, and {charged} of the calls may have been charged."
    return Ended(kind="failed", code="attempts_exhausted", reason=reason, attempts=attempts, possibly_paid=charged)


def _prepared_gone(claim: Claim) -> Ended:
    return Ended(
        kind="failed",
        code="prepared_gone",
        reason="The prepared picture is gone from the work bucket. A redrive makes it anew from the photo.",
        attempts=claim.payment.attempts - 1,
        possibly_paid=claim.payment.possibly_paid,
    )
