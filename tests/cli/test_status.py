"""Where a photo is, and how the deployment is."""

import json
from dataclasses import replace
from typing import Any

import pytest
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.key_records import BudgetRecord, HealthRecord
from dropcut.adapters.payment_records import PaymentRecords
from dropcut.core.api_key_text import fingerprint
from dropcut.core.gate import UNTIL_RESUMED, Gate
from dropcut.core.messages import PAID, CutRequest, Ended, OutcomeMessage, Upload
from dropcut.core.payment import Payment
from dropcut.core.quality import Quality
from dropcut.core.review import REJECTED, Held

from dropcut_cli.deployment import Deployment
from tests.cli.conftest import Dropcut, Paged
from tests.functions.cloud import INPUT, SECRET
from tests.functions.records import ANSWER, PICTURE

NOW = 1_722_081_600.0
UPLOAD = Upload(bucket=INPUT, key="shop/ä.jpg", sequencer="01")
ANOTHER = Upload(bucket=INPUT, key="the same picture.jpg", sequencer="01")


@pytest.fixture
def jobs(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> JobRecords:
    """A photo that is being prepared."""
    monkeypatch.setattr("time.time", lambda: NOW + 600)
    found = JobRecords(table=deployment.table)
    found.begin(UPLOAD, now=NOW)
    return found


def status_of(dropcut: Dropcut, name: str = UPLOAD.key) -> dict[str, object]:
    return dict(json.loads(dropcut("status", name, "--json").out))


@pytest.mark.parametrize(
    ("code", "until", "when", "advice"),
    [
        ("key_refused", NOW + 660, "in 60 s", "Put right what it waits for; then `dropcut resume` tries at once."),
        ("paused_by_hand", UNTIL_RESUMED, "until `dropcut resume`", "`dropcut resume`, if nobody needs the pause"),
    ],
)
def test_a_photo_that_waits_says_what_the_gate_says(
    *, deployment: Deployment, jobs: JobRecords, dropcut: Dropcut, code: str, until: float, when: str, advice: str
) -> None:
    """Also one that came after the pause, whose record does not say so; and not after the pause."""
    jobs.wait_for_cut(CutRequest(upload=UPLOAD, picture=PICTURE), now=NOW)
    GateRecord(table=deployment.table).close(Gate(code=code, reason="The key is refused.", until=until))
    found, why = status_of(dropcut), f"spending is paused ({code}): The key is refused."
    assert (found["state"], found["waits_for"], found["next_try"]) == ("waiting", why, until)
    said = dropcut("status", UPLOAD.key).out
    for line in ("shop/ä.jpg: waiting, for 10 min", f"  waits    {why}", f"  next try {when}", f"  to do    {advice}"):
        assert line in said
    jobs.waits(UPLOAD, why="The shop moves.", next_try=UNTIL_RESUMED, now=NOW)
    deployment.table.update("gate", "SET standing = :opening", {"opening": "opening"})
    found = status_of(dropcut)
    assert (found["waits_for"], found["advice"]) == (None, "Wait: its turn comes by itself.")


@pytest.mark.parametrize(("code", "attempts", "may_be_redriven"), [("damaged", 0, False), ("bad_request", 1, True)])
def test_only_what_the_api_rejected_can_be_redriven(
    *, jobs: JobRecords, dropcut: Dropcut, code: str, attempts: int, may_be_redriven: bool
) -> None:
    jobs.ended(UPLOAD, Ended(kind="rejected", code=code, reason="No.", attempts=attempts), now=NOW)
    assert ("`dropcut redrive 'shop/ä.jpg' --rejected --send`" in dropcut("status", UPLOAD.key).out) is may_be_redriven


def test_a_photo_that_was_delivered_names_its_outputs_and_price(jobs: JobRecords, dropcut: Dropcut) -> None:
    jobs.delivered(OutcomeMessage(upload=UPLOAD, outcome=ANSWER), output_keys=["b.png", "a.webp"], now=NOW)
    found = status_of(dropcut)
    assert (found["state"], found["credits"], found["outputs"]) == ("delivered", 2, ["a.webp", "b.png"])
    assert "  output   b.png" in dropcut("status", UPLOAD.key).out


@pytest.mark.parametrize(
    ("payer", "state", "spent"),
    [
        (UPLOAD, "delivered", {"attempts": 2, "possibly_paid": 1, "credits": 2}),
        (UPLOAD, "held", {"attempts": 2, "possibly_paid": 1, "credits": 2}),
        (UPLOAD, "rejected by a reviewer", {"attempts": 2, "possibly_paid": 1, "credits": 2}),
        (ANOTHER, "rejected by a reviewer", {"attempts": 0, "possibly_paid": 0, "credits": 0}),
        (None, "waiting", {"attempts": 1, "possibly_paid": 1, "credits": None}),
        ("before", "delivered", {"attempts": None, "possibly_paid": None, "credits": 2}),
    ],
)
def test_a_photo_says_what_its_picture_took(
    *, deployment: Deployment, jobs: JobRecords, dropcut: Dropcut, payer: Any, state: str, spent: dict[str, object]
) -> None:
    request, payments = CutRequest(upload=UPLOAD, picture=PICTURE), PaymentRecords(table=deployment.table)
    jobs.wait_for_cut(request, now=NOW)
    took = Payment(attempts=1 if state == "waiting" else 2, possibly_paid=1)
    key, ends = request.payment_key, NOW + 86_400
    answer = replace(ANSWER, work_key=f"{PAID}{key}")
    payments.claim(key, holder="us", now=NOW, lease_until=NOW + 900, expires_at=ends)
    payments.release(key, holder="us", payment=took)
    if isinstance(payer, Upload):
        payments.pay(key, answer, upload=payer, payment=took, expires_at=ends)
    elif payer:  # it was delivered before payments were kept so
        deployment.table.update(f"payment#{key}", "SET work_key = :key, job_id = :job REMOVE attempts, possibly_paid",
                                {"key": answer.work_key, "job": UPLOAD.job_id})  # fmt: skip
    outcome = OutcomeMessage(upload=UPLOAD, outcome=answer)
    if state == "delivered":
        jobs.delivered(outcome, output_keys=["a.png"], now=NOW)
    elif state == "held":
        held = Held(outcome=outcome, files=[], renditions="[]", note="", quality=Quality(score=0.1, doubts=()))
        HeldRecords(table=deployment.table).hold(held, now=NOW)
    elif state != "waiting":
        jobs.ended(UPLOAD, REJECTED, now=NOW)
    found = status_of(dropcut)
    assert {name: found[name] for name in spent} == spent


def test_a_photo_that_failed_says_why_how_often_and_what_to_do(jobs: JobRecords, dropcut: Dropcut) -> None:
    end = Ended(kind="failed", code="http_500", reason="The API failed.\u202e", attempts=3, possibly_paid=1)
    jobs.ended(UPLOAD, end, now=NOW)
    said = dropcut("status", UPLOAD.key).out
    assert r"The API failed.\u202e (http_500)" in said
    assert "3, of which 1 may have been charged in vain" in said
    assert "`dropcut redrive 'shop/ä.jpg' --send` sends it through again." in said


def test_a_photo_is_found_by_the_id_of_its_job(jobs: JobRecords, dropcut: Dropcut) -> None:
    assert status_of(dropcut, UPLOAD.job_id)["key"] == UPLOAD.key


@pytest.mark.usefixtures("jobs")
def test_a_photo_that_is_not_on_record_is_a_sentence(dropcut: Dropcut) -> None:
    for name in ("nobody.jpg", "0" * 32):
        ran = dropcut("status", name, "--json")
        assert (ran.exit_code, ran.out) == (1, "")
        assert f"No photo '{name}' is on record" in ran.err


@pytest.mark.usefixtures("jobs")
def test_the_deployment_is_shown_in_a_line_for_each_thing(deployment: Deployment, dropcut: Dropcut) -> None:
    deployment.client("sqs").send_message(QueueUrl=deployment.queue_url("Cut"), MessageBody="{}")
    deployment.client("sqs").send_message(QueueUrl=deployment.queue_url("Cut", dead_letters=True), MessageBody="{}")
    ran = dropcut("status")
    assert ran.exit_code == 0
    assert len(ran.out.splitlines()) == 11  # ten without webhooks
    assert "cut       1 waiting, 0 in work, 0 delayed" in ran.out
    assert "1 dead letter; `dropcut failures` shows why" in ran.out
    assert "there is no API key: `dropcut set-key`" in ran.out


@pytest.mark.usefixtures("jobs")
def test_the_key_s_spending_and_trouble_are_shown(deployment: Deployment, dropcut: Dropcut) -> None:
    deployment.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString='{"api_key": "k"}')
    budget, key = BudgetRecord(table=deployment.table, daily_credit_limit=100), fingerprint("k")
    budget.take(key, 98, now=NOW + 600)
    HealthRecord(table=deployment.table).trouble(key, "x.png", now=NOW)
    ran = dropcut("status")
    assert ran.exit_code == 0
    assert "credits   98 today of 100" in ran.out
    assert "1 picture met trouble" in ran.out
    budget.take(key, 2, now=NOW + 600)
    assert dropcut("status").exit_code == 8  # nothing more is paid for today


@pytest.mark.usefixtures("jobs")
def test_a_queue_that_no_function_reads_leaves_the_limits_unknown(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deployment, "setting", lambda self, queue, _name: self.event_source(queue)["UUID"])
    deployment._clients["lambda"] = Paged()
    deployment._clients["lambda"].list_event_source_mappings = lambda **_asked: {"EventSourceMappings": []}
    ran = dropcut("status")
    assert (ran.exit_code, len(ran.out.splitlines())) == (0, 11)
    assert "pace      unknown: `dropcut doctor` finds why, booked for 0 s ahead" in ran.out
    assert "credits   0 today, limit unknown" in ran.out
    found = json.loads(dropcut("status", "--json").out)
    assert (found["pace"]["requests"], found["daily_credit_limit"], found["budget_reached"]) == (None, None, False)


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("until", "event", "said"),
    [
        (NOW + 1500, "", "closed (no_credits): Buy some. One picture is tried in 15 min; `dropcut resume` tries it at"),
        (NOW, "", "due (no_credits): Buy some. The pause is over: the next picture is tried, and spending resumes if"),
        (NOW, "probe", "probing (no_credits): Buy some. One picture is being tried now: spending resumes if that goes"),
        (NOW, "opens", "opening (no_credits): Buy some. Spending resumes: the gatekeeper lets the waiting pictures in"),
        (NOW, "by hand", "by hand (paused_by_hand): Moving. An operator closed it: nothing is paid for until"),
    ],
)
def test_a_gate_that_is_not_open_says_what_that_means_and_what_comes_next(
    deployment: Deployment, dropcut: Dropcut, until: float, event: str, said: str
) -> None:
    gate = deployment.gate
    gate.close(Gate(code="no_credits", reason="Buy some.", until=until))
    if event in ("probe", "opens"):
        gate.begin_probe("us", now=NOW + 600, ends=NOW + 900)
    if event == "opens":
        gate.begin_to_open("us")
    if event == "by hand":
        gate.close_by_hand("Moving", now=NOW)
    assert f"gate      {said}" in dropcut("status").out


@pytest.mark.usefixtures("jobs")
def test_a_pause_is_an_exit_code_of_its_own(deployment: Deployment, dropcut: Dropcut) -> None:
    GateRecord(table=deployment.table).close(Gate(code="no_credits", reason="Buy some.", until=NOW + 900))
    ran = dropcut("status", "--json")
    assert ran.exit_code == 8
    assert json.loads(ran.out)["gate"]["code"] == "no_credits"
    assert "gate      closed (no_credits): Buy some." in dropcut("status").out
