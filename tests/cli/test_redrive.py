"""Dead letters go back to their own stage, by reason, unchanged; the others stay where they are."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.queue import Queue
from dropcut.adapters.state_table import StateTable
from dropcut.core.choices import Choices
from dropcut.core.cutout_request import BEFORE_ALL, read_request
from dropcut.core.messages import NOT_ASKED_AGAIN, Ended, EndKind, Upload
from dropcut.core.upload_event import read_uploads
from moto import mock_aws

from cli import redrive
from cli.redrive import QUEUES, Stages
from local import settings_line
from local.real_account import RealAccount


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stages]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(redrive, "PATIENCE_SECONDS", 0)
    with mock_aws():
        sqs = boto3.client("sqs", region_name="us-east-1")
        outputs = {
            f"{output}{kind}QueueUrl": sqs.create_queue(QueueName=f"{output}{kind}")["QueueUrl"]
            for output in QUEUES.values()
            for kind in ("", "DeadLetter")
        }
        dynamodb = boto3.client("dynamodb", region_name="us-east-1")
        dynamodb.create_table(
            TableName="state",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield Stages(sqs=sqs, dynamodb=dynamodb, outputs={**outputs, "StateTableName": "state"})


def dead_letter(stages: Stages, queue: str, body: str, **reason: str) -> None:
    Queue(stages.sqs, stages.dead_letter_queue_url(queue)).dead_letter(body, reason)


def bodies(stages: Stages, url: str) -> list[str]:
    answer: Any = stages.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return sorted(message["Body"] for message in answer.get("Messages", []))


def reasons(stages: Stages, url: str) -> list[str]:
    answer: Any = stages.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return [message["MessageAttributes"]["reason"]["StringValue"] for message in answer.get("Messages", [])]


def test_dead_letters_are_shown_and_stay(stages: Stages) -> None:
    dead_letter(stages, "cut", "one", code="http_500", reason="The API failed.")
    shown = redrive.redrive(stages, QUEUES, code=None, reason="", send=False)
    assert dict(shown) == {"cut      http_500               The API failed.": 1}
    assert bodies(stages, stages.dead_letter_queue_url("cut")) == ["one"]
    assert bodies(stages, stages.queue_url("cut")) == []


def test_neither_a_code_nor_a_reason_speaks_to_the_operators_terminal(stages: Stages) -> None:
    """A dead letter may be from anybody who can write to the queue, and a rejection quotes the API."""
    said, escaped = "\u009b31m\n\u202egpj", r"\u009b31m\u000a\u202egpj"
    stages.sqs.send_message(
        QueueUrl=stages.dead_letter_queue_url("cut"),
        MessageBody="{}",
        MessageAttributes={name: {"DataType": "String", "StringValue": said} for name in ("code", "reason")},
    )
    ended(stages, "a.jpg", "rejected", said, said)
    shown = redrive.redrive(stages, ["cut"], code=None, reason="", send=False)
    shown += redrive.redrive_rejected(stages, code=None, reason="", send=False)
    assert [line.count(escaped) for line in shown] == [2, 2]
    assert all(line.isprintable() for line in shown)


def test_each_goes_back_to_its_own_stage(stages: Stages) -> None:
    for queue in QUEUES:
        dead_letter(stages, queue, f"of {queue}", reason="Failed 5 times.")
    assert redrive.redrive(stages, QUEUES, code=None, reason="", send=True).total() == 3
    for queue in QUEUES:
        assert bodies(stages, stages.queue_url(queue)) == [f"of {queue}"]
        assert bodies(stages, stages.dead_letter_queue_url(queue)) == []


def test_what_goes_back_says_that_it_was_a_dead_letter_and_why(stages: Stages) -> None:
    """By this the functions know that the API is to be asked again (`Message.redriven`)."""
    dead_letter(stages, "cut", "a", code="http_500", reason="The API failed.")
    stages.sqs.send_message(QueueUrl=stages.dead_letter_queue_url("deliver"), MessageBody="SQS itself put it there")
    redrive.redrive(stages, QUEUES, code=None, reason="", send=True)
    assert reasons(stages, stages.queue_url("cut")) == ["The API failed."]
    assert reasons(stages, stages.queue_url("deliver"))[0].startswith("It was received too often")


@pytest.mark.parametrize(("queue", "code"), [("cut", "prepared_gone"), ("deliver", "answer_expired")])
def test_what_has_nothing_left_to_go_on_with_starts_from_its_photo(stages: Stages, queue: str, code: str) -> None:
    upload = ended(stages, "v1 a+b.png", "failed", code, "It is gone.")
    dead_letter(stages, queue, json.dumps({"upload": upload.to_fields(), "more": {}}), code=code, reason="It is gone.")
    redrive.redrive(stages, QUEUES, code=None, reason="", send=True)
    assert [again.job_id for again in sent_again(stages)] == [upload.job_id]
    assert sent_again(stages)[0].version_id == "v1"
    assert bodies(stages, stages.queue_url(queue)) == bodies(stages, stages.dead_letter_queue_url(queue)) == []


REQUESTED = Upload(
    bucket="photos",
    key="a+b.png",
    sequencer="0A".ljust(32, "0"),
    version_id="v1",
    choices=Choices(renditions=("web",), reference="order 4711"),
    request="e1",
)


def test_a_request_with_nothing_left_to_go_on_with_is_made_again_as_it_was(stages: Stages) -> None:
    body = json.dumps({"upload": REQUESTED.to_fields(), "picture": {}})
    dead_letter(stages, "cut", body, code="prepared_gone", reason="It is gone.")
    redrive.redrive(stages, QUEUES, code=None, reason="", send=True)
    (again,) = bodies(stages, stages.queue_url("intake"))
    assert read_request(again, sent_at_seconds=0) == replace(REQUESTED, sequencer=BEFORE_ALL)


def test_a_requested_photo_that_was_rejected_is_requested_again(stages: Stages) -> None:
    jobs = JobRecords(table=StateTable(stages.dynamodb, "state"))
    jobs.begin(REQUESTED, now=1.0)
    jobs.ended(REQUESTED, Ended(kind="rejected", code="bad_request", reason="No.", attempts=1), now=2.0)
    redrive.redrive_rejected(stages, code=None, reason="", send=True)
    (body,) = bodies(stages, stages.queue_url("intake"))
    again = read_request(body, sent_at_seconds=0)
    assert isinstance(again, Upload)
    assert jobs.begin(jobs.ordered(again), now=3.0, redriven=True) == "begun"


def test_a_remake_without_an_answer_goes_back_to_its_stage(stages: Stages) -> None:
    """There is nothing to start: the photo was delivered."""
    dead_letter(stages, "deliver", '{"remake": {}}', code="answer_expired", reason="It is gone.")
    redrive.redrive(stages, QUEUES, code=None, reason="", send=True)
    assert bodies(stages, stages.queue_url("deliver")) == ['{"remake": {}}']


@pytest.mark.parametrize(
    ("code", "reason", "sent"),
    [("http_500", "", ["a"]), (None, "attempt 3", ["b"]), (redrive.WITHOUT_CODE, "", ["c"]), ("http_404", "", [])],
)
def test_only_what_matches_is_sent(stages: Stages, code: str | None, reason: str, sent: list[str]) -> None:
    dead_letter(stages, "cut", "a", code="http_500", reason="The API failed.")
    dead_letter(stages, "cut", "b", code="broken_off", reason="It was attempt 3 of 3.")
    stages.sqs.send_message(QueueUrl=stages.dead_letter_queue_url("cut"), MessageBody="c")
    redrive.redrive(stages, ["cut"], code=code, reason=reason, send=True)
    assert bodies(stages, stages.queue_url("cut")) == sent
    assert bodies(stages, stages.dead_letter_queue_url("cut")) == sorted({"a", "b", "c"} - set(sent))


def ended(stages: Stages, key: str, kind: EndKind, code: str, reason: str, *, attempts: int = 1) -> Upload:
    """A photo whose record says how it ended."""
    jobs = JobRecords(table=StateTable(stages.dynamodb, "state"))
    upload = Upload(bucket="photos", key=key, sequencer="0A".ljust(32, "0"), version_id="v1" if "v1" in key else None)
    jobs.begin(upload, now=1.0)
    jobs.ended(upload, Ended(kind=kind, code=code, reason=reason, attempts=attempts), now=2.0)
    return upload


@pytest.fixture
def rejected(stages: Stages) -> list[Upload]:
    """Rejected by the API: two of one code, one of them a copy; and one of another."""
    ended(stages, "no picture.txt", "rejected", "not_a_picture", "It is a text.", attempts=0)
    ended(stages, "failed.png", "failed", "http_500", "The API failed.")
    return [
        ended(stages, "a/b+c ü.png", "rejected", "bad_request", "The API refused it."),
        ended(stages, "a/copy.png", "rejected", "bad_request", f"The API refused it. {NOT_ASKED_AGAIN}", attempts=0),
        ended(stages, "v1.png", "rejected", "content_filtered", "The API filtered it."),
    ]


def sent_again(stages: Stages) -> list[Upload]:
    return [
        upload
        for body in bodies(stages, stages.queue_url("intake"))
        for upload in read_uploads(body, sent_at_seconds=0)
    ]


@pytest.mark.usefixtures("rejected")
def test_rejected_photos_are_shown_and_nothing_is_sent(stages: Stages) -> None:
    shown = redrive.redrive_rejected(stages, code=None, reason="", send=False)
    assert sum(times for line, times in shown.items() if " bad_request " in line) == 2
    assert shown.total() == 3
    assert sent_again(stages) == []


def test_rejected_photos_come_to_prepare_as_the_uploads_they_were(stages: Stages, rejected: list[Upload]) -> None:
    redrive.redrive_rejected(stages, code=None, reason="", send=True)
    sent = sent_again(stages)
    assert sorted(upload.job_id for upload in sent) == sorted(upload.job_id for upload in rejected)
    assert {upload.key: upload.version_id for upload in sent}["v1.png"] == "v1"
    jobs = JobRecords(table=StateTable(stages.dynamodb, "state"))
    assert {jobs.begin(upload, now=3.0, redriven=True) for upload in sent} == {"begun"}
    assert reasons(stages, stages.queue_url("intake")) == [redrive.REJECTED] * 3


@pytest.mark.parametrize(
    ("code", "reason", "keys"),
    [
        ("bad_request", "", ["a/b+c ü.png", "a/copy.png"]),
        (None, "filtered", ["v1.png"]),
        ("http_500", "", []),
    ],
)
@pytest.mark.usefixtures("rejected")
def test_only_rejected_photos_that_match_are_sent(
    stages: Stages, code: str | None, reason: str, keys: list[str]
) -> None:
    redrive.redrive_rejected(stages, code=code, reason=reason, send=True)
    assert sorted(upload.key for upload in sent_again(stages)) == keys


@pytest.mark.usefixtures("asked", "rejected")
def test_it_says_how_many_photos_were_rejected(stages: Stages, capsys: pytest.CaptureFixture[str]) -> None:
    redrive.main(["--rejected", "--code", "nothing"])
    redrive.main(["--rejected"])
    redrive.main(["--rejected", "--send"])
    said = capsys.readouterr().out
    assert "No rejected photo of `prod` matches." in said
    assert '3 rejected photos of `prod` found; `make redrive ARGS="--rejected --send"` sends' in said
    assert "3 rejected photos of `prod` sent through the pipeline again." in said


def test_rejected_photos_lie_in_no_queue(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SETTINGS", raising=False)
    with pytest.raises(SystemExit):
        redrive.main(["--rejected", "--queue", "cut"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_more_than_one_receipt_holds(stages: Stages) -> None:
    for number in range(25):
        dead_letter(stages, "deliver", f"{number}", reason="Failed 5 times.")
    assert redrive.redrive(stages, ["deliver"], code=None, reason="", send=True).total() == 25


@pytest.fixture
def asked(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The deployments whose outputs were asked for; each has the same queues."""
    asked: list[str] = []

    def outputs(account: RealAccount, stage: str) -> dict[str, str]:
        assert account.region == "us-east-1"  # of the variable that the AWS CLI and the other commands read
        asked.append(stage)
        return dict(stages.outputs)

    monkeypatch.setattr(RealAccount, "outputs", outputs)
    monkeypatch.delenv("SETTINGS", raising=False)
    return asked


@pytest.mark.parametrize(
    ("settings", "arguments", "stage"),
    [
        ("", [], "prod"),
        ("stage=test alarm_email=a@example.com", [], "test"),
        ("stage=test", ["--stage", "other"], "other"),
    ],
)
def test_the_deployment_is_the_one_that_the_other_commands_mean(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, settings: str, arguments: list[str], stage: str
) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    assert redrive.main(["--queue", "cut", *arguments]) == 0
    assert asked == [stage]


def test_a_stage_that_stays_in_cdk_json_is_the_one_that_is_meant(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cdk.json").write_text('{"context": {"stage": "shop"}}')
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    assert redrive.main(["--queue", "cut"]) == 0
    assert asked == ["shop"]


@pytest.mark.parametrize("settings", ["stag=test", "stage"])
def test_settings_that_are_wrong_do_not_mean_prod(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: str
) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    assert redrive.main(["--send"]) == 1
    assert asked == []
    assert "stag" in capsys.readouterr().err


def test_it_says_how_many_there_are_and_whose(
    asked: list[str], stages: Stages, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = ["--queue", "cut"]
    redrive.main(queue)
    dead_letter(stages, "cut", "one", code="http_500", reason="The API failed.")
    redrive.main(queue)
    dead_letter(stages, "cut", "two", code="http_500", reason="The API failed.")
    redrive.main([*queue, "--send"])
    said = capsys.readouterr().out
    assert "No dead letter of `prod` matches." in said
    assert '1 dead letter of `prod` found; `make redrive ARGS="--queue cut --send"` sends' in said
    assert "2 dead letters of `prod` sent back" in said


def test_the_command_that_sends_is_for_what_was_shown(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied, it must not send what was left out, nor that of another deployment."""
    assert redrive.how_to_send([]) == '`make redrive ARGS="--send"` sends what is shown back'
    monkeypatch.setenv("SETTINGS", "stage=test")
    assert redrive.how_to_send(["--reason", "attempt 3"]) == (
        '`make redrive SETTINGS="stage=test" ARGS="--reason \'attempt 3\' --send"` sends what is shown back'
    )


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("nowhere", "There is no deployment `nowhere` in account 123456789012, region us-east-1."),
        ("A b", "Allowed: 1 to"),
    ],
)
def test_an_unknown_stage_is_a_sentence(
    stages: Stages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stage: str, words: str
) -> None:
    """Not CloudFormation's words for a stack, which a person has not named."""
    monkeypatch.setattr(RealAccount, "describe", lambda account, stack: {})
    assert redrive.main(["--stage", stage]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "ValidationError" not in said


def test_queues_that_cannot_be_read_are_a_sentence(
    asked: list[str], stages: Stages, capsys: pytest.CaptureFixture[str]
) -> None:
    """One was deleted by hand."""
    stages.sqs.delete_queue(QueueUrl=stages.dead_letter_queue_url("cut"))
    assert redrive.main(["--queue", "cut"]) == 1
    assert "The queues of `prod` could not be read or written: " in capsys.readouterr().err


def test_without_credentials_one_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert redrive.main(["--stage", "nowhere"]) == 1
    said = capsys.readouterr().err
    assert "There are no AWS credentials here (Unable to locate credentials)" in said
    assert "aws sso login" in said
