"""Each thing that is wrong is found, and said with its fix; what cannot be looked at is a finding, too."""

import time

import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.job_records import JobRecords
from dropcut.core.messages import Upload

from dropcut_cli import doctor
from dropcut_cli.deployment import Deployment
from dropcut_cli.doctor import CHECKS, FEWEST_CONCURRENT, MOST_CLOCK_SECONDS, WITHOUT_END_SECONDS
from tests.cli.conftest import Dropcut
from tests.functions.cloud import INPUT, SECRET


def found(check: str, deployment: Deployment) -> list[str]:
    return [finding.what for finding in CHECKS[check](deployment)]


@pytest.mark.parametrize(("state", "exit_code"), [("Disabled", 1), ("Enabled", 0)])
def test_a_queue_that_is_turned_off_is_found_unless_spending_is_paused(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, state: str, exit_code: int
) -> None:
    monkeypatch.setattr(
        Deployment, "event_source", lambda _self, queue: {"State": state if queue == "Cut" else "Enabled"}
    )
    assert len(found("event sources", deployment)) == exit_code
    deployment.gate.close_by_hand("r", now=1.0)
    assert found("event sources", deployment) == []
    assert found("spending", deployment) == ["Spending is paused (paused_by_hand): r"]


def test_a_key_that_is_missing_is_found(deployment: Deployment) -> None:
    assert found("API key", deployment) == ["The secret holds no API key."]


def test_a_key_that_is_there_is_no_finding(deployment: Deployment) -> None:
    deployment.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="k")
    assert found("API key", deployment) == []


def test_uploads_that_nobody_hears_of_are_found(deployment: Deployment) -> None:
    class Store(dict[str, object]):
        def get_bucket_notification_configuration(self, **_asked: str) -> dict[str, object]:
            return self

    deployment._clients["s3"] = store = Store()
    assert len(found("bucket's events", deployment)) == 1
    store["EventBridgeConfiguration"] = {}
    assert found("bucket's events", deployment) == []


def test_queues_that_let_in_too_much_or_too_little_are_found(deployment: Deployment) -> None:
    said = found("queues' policies", deployment)
    assert sum("without TLS" in what for what in said) == 4
    assert said.count("EventBridge may not send uploads to the intake queue.") == 1


@pytest.mark.parametrize(("older", "findings"), [(1, 1), (-60, 0)])
def test_photos_without_an_end_are_found_after_a_day(deployment: Deployment, older: float, findings: int) -> None:
    upload = Upload(bucket=INPUT, key="a.jpg", sequencer="01")
    JobRecords(table=deployment.table).begin(upload, now=time.time() - WITHOUT_END_SECONDS - older)
    assert len(found("photos without an end", deployment)) == findings


def test_dead_letters_are_counted(deployment: Deployment) -> None:
    assert found("dead letters", deployment) == []
    deployment.client("sqs").send_message(QueueUrl=deployment.queue_url("Cut", dead_letters=True), MessageBody="x")
    assert found("dead letters", deployment) == ["1 dead letter: photos without a result."]


@pytest.mark.parametrize(("off", "findings"), [(MOST_CLOCK_SECONDS + 5, 1), (0, 0)])
def test_a_clock_that_is_off_is_found(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, off: float, findings: int
) -> None:
    class Store:
        def head_bucket(self, **_asked: str) -> dict[str, object]:
            return {"ResponseMetadata": {"HTTPHeaders": {"date": "Sat, 27 Jul 2024 12:00:00 GMT"}}}

    deployment._clients["s3"] = Store()
    monkeypatch.setattr(doctor.time, "time", lambda: 1_722_081_600.0 + off)
    assert len(found("clock", deployment)) == findings


@pytest.mark.parametrize(("most", "findings"), [(FEWEST_CONCURRENT - 1, 1), (FEWEST_CONCURRENT, 0)])
def test_an_account_with_too_few_functions_at_once_is_found(deployment: Deployment, most: int, findings: int) -> None:
    class Lambda:
        def get_account_settings(self) -> dict[str, object]:
            return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": most}}

    deployment._clients["lambda"] = Lambda()
    assert len(found("concurrency", deployment)) == findings


def test_what_may_not_be_looked_at_is_a_finding(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_deployment: Deployment) -> None:
        answer = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: sns:List"}}
        raise ClientError(answer, "ListSubscriptionsByTopic")  # type: ignore[arg-type]

    for check in CHECKS:
        monkeypatch.setitem(CHECKS, check, lambda _deployment: [])
    assert dropcut("doctor").exit_code == 0
    monkeypatch.setitem(CHECKS, "alarms", denied)
    ran = dropcut("doctor")
    assert ran.exit_code == 1
    assert "wrong  alarms: It could not be looked at: You lack the permission for ListSubscriptionsByTopic" in ran.out
