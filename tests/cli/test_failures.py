"""Dead letters go back to their own stage, by reason, unchanged; the others stay where they are."""

import json
from dataclasses import replace
from typing import Any

import pytest
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.queue import Queue
from dropcut.core.choices import Choices
from dropcut.core.cutout_request import BEFORE_ALL, read_request
from dropcut.core.messages import NOT_ASKED_AGAIN, Ended, EndKind, Upload
from dropcut.core.upload_event import read_uploads

from dropcut_cli import failed_photos
from dropcut_cli.deployment import STAGE_FUNCTIONS, Deployment
from dropcut_cli.failed_photos import ASKED_FOR, WITHOUT_CODE
from tests.cli.conftest import Dropcut, bodies
from tests.functions.cloud import INPUT


def dead_letter(deployment: Deployment, queue: str, body: str, **reason: str) -> None:
    Queue(deployment.client("sqs"), deployment.queue_url(queue, dead_letters=True)).dead_letter(body, reason)


def reasons(deployment: Deployment, queue: str) -> list[str]:
    answer: Any = deployment.client("sqs").receive_message(
        QueueUrl=deployment.queue_url(queue), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return [message["MessageAttributes"]["reason"]["StringValue"] for message in answer.get("Messages", [])]


def ended(deployment: Deployment, key: str, kind: EndKind, code: str, reason: str, *, attempts: int = 1) -> Upload:
    """A photo whose record says how it ended."""
    jobs = JobRecords(table=deployment.table)
    upload = Upload(bucket=INPUT, key=key, sequencer="0A".ljust(32, "0"), version_id="v1" if "v1" in key else None)
    jobs.begin(upload, now=1.0)
    jobs.ended(upload, Ended(kind=kind, code=code, reason=reason, attempts=attempts), now=2.0)
    return upload


@pytest.fixture
def rejected(deployment: Deployment) -> list[Upload]:
    """Rejected by the API: two of one code, one of them a copy; and one of another."""
    ended(deployment, "no picture.txt", "rejected", "not_a_picture", "It is a text.", attempts=0)
    ended(deployment, "failed.png", "failed", "http_500", "The API failed.")
    copy = f"The API refused it. {NOT_ASKED_AGAIN}"
    return [
        ended(deployment, "a/b+c ü.png", "rejected", "bad_request", "The API refused it."),
        ended(deployment, "a/copy.png", "rejected", "bad_request", copy, attempts=0),
        ended(deployment, "v1.png", "rejected", "content_filtered", "The API filtered it."),
    ]


def sent_again(deployment: Deployment) -> list[Upload]:
    return [upload for body in bodies(deployment, "Intake") for upload in read_uploads(body, sent_at_seconds=0)]


def test_failures_are_grouped_with_an_example_and_stay(deployment: Deployment, dropcut: Dropcut) -> None:
    for key in ("a.jpg", "b.jpg"):
        upload = json.dumps({"upload": {"key": key}})
        dead_letter(deployment, "Cut", upload, code="http_500", reason="The API failed.")
    ran = dropcut("failures", "--json")
    (group,) = map(json.loads, ran.out.splitlines())
    assert (group["stage"], group["code"], group["reason"], group["count"]) == ("cut", "http_500", "The API failed.", 2)
    assert group["example"] in ("a.jpg", "b.jpg")
    assert "2 dead letters of `prod` (eu-central-1) found" in ran.err
    assert len(bodies(deployment, "Cut", dead=True)) == 2
    assert bodies(deployment, "Cut") == []


def test_a_queue_that_takes_long_to_read_is_counted_once_and_comes_to_an_end(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then those that were read first are to be seen again."""
    monkeypatch.setattr(failed_photos, "HELD_SECONDS", 0)
    for key in ("a.jpg", "b.jpg"):
        dead_letter(deployment, "Cut", json.dumps({"upload": {"key": key}}), code="http_500", reason="The API failed.")
    (group,) = map(json.loads, dropcut("failures", "--json").out.splitlines())
    assert group["count"] == 2


def test_neither_code_nor_reason_nor_key_drives_the_terminal(deployment: Deployment, dropcut: Dropcut) -> None:
    """A dead letter may be from anybody who can write to the queue, and a rejection quotes the API."""
    said = "\u009b31m\n\u202egpj"
    deployment.client("sqs").send_message(
        QueueUrl=deployment.queue_url("Cut", dead_letters=True),
        MessageBody=json.dumps({"upload": {"key": said}}),
        MessageAttributes={name: {"DataType": "String", "StringValue": said} for name in ("code", "reason")},
    )
    ended(deployment, said, "rejected", said, said)
    for arguments in ([], ["--rejected"]):
        (line,) = dropcut("failures", *arguments).out.splitlines()
        assert line.count(r"\u009b31m\u000a\u202egpj") == 3
        assert line.isprintable()


def test_each_goes_back_to_its_own_stage_with_its_reason(deployment: Deployment, dropcut: Dropcut) -> None:
    """By the reason the functions know that the API is to be asked again (`Message.redriven`)."""
    for queue in STAGE_FUNCTIONS:
        dead_letter(deployment, queue, f"of {queue}", reason="Failed 5 times.")
    assert "4 dead letters of `prod` (eu-central-1) sent back" in dropcut("redrive", "--send").err
    for queue in STAGE_FUNCTIONS:
        assert bodies(deployment, queue) == [f"of {queue}"]
        assert bodies(deployment, queue, dead=True) == []
        assert reasons(deployment, queue) == ["Failed 5 times."]


@pytest.mark.parametrize(("queue", "code"), [("Cut", "prepared_gone"), ("Deliver", "answer_expired")])
def test_what_has_nothing_left_to_go_on_with_starts_from_its_photo(
    deployment: Deployment, dropcut: Dropcut, queue: str, code: str
) -> None:
    upload = ended(deployment, "v1 a+b.png", "failed", code, "It is gone.")
    dead_letter(deployment, queue, json.dumps({"upload": upload.to_fields()}), code=code, reason="It is gone.")
    assert (
        "1 dead letter of `prod` (eu-central-1) sent back to the stage it came from."
        in dropcut("redrive", "--send").err
    )
    assert [(again.job_id, again.version_id) for again in sent_again(deployment)] == [(upload.job_id, "v1")]
    assert bodies(deployment, queue) == bodies(deployment, queue, dead=True) == []


def test_a_remake_without_an_answer_goes_back_to_its_stage(deployment: Deployment, dropcut: Dropcut) -> None:
    """There is nothing to start: the photo was delivered."""
    dead_letter(deployment, "Deliver", '{"remake": {}}', code="answer_expired", reason="It is gone.")
    dropcut("redrive", "--send")
    assert bodies(deployment, "Deliver") == ['{"remake": {}}']


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["--code", "http_500"], ["a"]),
        (["--reason", "attempt 3"], ["b"]),
        (["--code", WITHOUT_CODE], ["c"]),
        (["--code", "http_404"], []),
        (["--queue", "deliver"], []),
        (["k.jpg"], ['{"upload": {"key": "k.jpg"}}']),
    ],
)
def test_only_what_matches_is_sent(
    deployment: Deployment, dropcut: Dropcut, arguments: list[str], sent: list[str]
) -> None:
    of_a_key = '{"upload": {"key": "k.jpg"}}'
    dead_letter(deployment, "Cut", "a", code="http_500", reason="The API failed.")
    dead_letter(deployment, "Cut", "b", code="broken_off", reason="It was attempt 3 of 3.")
    dead_letter(deployment, "Cut", of_a_key, code="other", reason="r")
    url = deployment.queue_url("Cut", dead_letters=True)
    deployment.client("sqs").send_message(QueueUrl=url, MessageBody="c")
    assert dropcut("redrive", "--send", *arguments).exit_code == (0 if sent else 9)
    assert bodies(deployment, "Cut") == sent
    assert bodies(deployment, "Cut", dead=True) == sorted({"a", "b", "c", of_a_key} - set(sent))


def test_a_redrive_works_without_webhooks_and_says_so_when_they_are_asked_for(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = {name: value for name, value in deployment.outputs.items() if not name.startswith("Notify")}
    assert dropcut("redrive", "--queue", "notify").exit_code == 9
    other = Deployment(stage="prod", session=deployment.session, known_outputs=bare)
    monkeypatch.setattr(Deployment, "find", lambda **_asked: other)
    assert dropcut("redrive").exit_code == 9
    ran = dropcut("redrive", "--queue", "notify")
    assert ran.exit_code == 1
    assert "no queue `notify`: it was deployed without `webhook_url`" in ran.err


def test_more_than_one_receipt_holds(deployment: Deployment, dropcut: Dropcut) -> None:
    for number in range(25):
        dead_letter(deployment, "Deliver", f"{number}", reason="Failed 5 times.")
    assert "25 dead letters" in dropcut("redrive", "--queue", "deliver", "--send").err


def test_rejected_photos_come_to_prepare_as_the_uploads_they_were(
    deployment: Deployment, dropcut: Dropcut, rejected: list[Upload]
) -> None:
    assert dropcut("redrive", "--rejected").exit_code == 0
    assert sent_again(deployment) == []
    assert "3 rejected photos" in dropcut("redrive", "--rejected", "--send").err
    sent = sent_again(deployment)
    assert sorted(upload.job_id for upload in sent) == sorted(upload.job_id for upload in rejected)
    assert {upload.key: upload.version_id for upload in sent}["v1.png"] == "v1"
    jobs = JobRecords(table=deployment.table)
    assert {jobs.begin(upload, now=3.0, redriven=True) for upload in sent} == {"begun"}
    assert reasons(deployment, "Intake") == [ASKED_FOR] * 3


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["--code", "bad_request"], ["a/b+c ü.png", "a/copy.png"]),
        (["--reason", "filtered"], ["v1.png"]),
        (["v1.png"], ["v1.png"]),
        (["--code", "http_500"], []),
    ],
)
@pytest.mark.usefixtures("rejected")
def test_only_rejected_photos_that_match_are_sent(
    deployment: Deployment, dropcut: Dropcut, arguments: list[str], keys: list[str]
) -> None:
    dropcut("redrive", "--rejected", "--send", *arguments)
    assert sorted(upload.key for upload in sent_again(deployment)) == keys


def test_rejected_photos_lie_in_no_queue(dropcut: Dropcut) -> None:
    ran = dropcut("redrive", "--rejected", "--queue", "cut", "--send")
    assert (ran.exit_code, ran.out) == (2, "")
    assert "leave out --queue or --rejected" in ran.err


def test_the_command_that_sends_is_for_what_was_shown(deployment: Deployment, dropcut: Dropcut) -> None:
    """Copied, it must not send what was left out, nor that of another deployment."""
    dead_letter(deployment, "Cut", "b", code="broken_off", reason="It was attempt 3 of 3.")
    ran = dropcut("failures", "--queue", "cut", "--reason", "attempt 3")
    copied = "`dropcut redrive --queue cut --reason 'attempt 3' --send --stage prod --region eu-central-1`"
    assert copied in ran.err


def test_queues_that_cannot_be_read_are_a_sentence(deployment: Deployment, dropcut: Dropcut) -> None:
    """One was deleted by hand."""
    deployment.client("sqs").delete_queue(QueueUrl=deployment.queue_url("Cut", dead_letters=True))
    ran = dropcut("redrive", "--queue", "cut")
    assert ran.exit_code == 1
    assert ran.err.startswith("AWS refused ReceiveMessage: ")


# Photos that a program asked for, instead of uploading them.

REQUESTED = Upload(
    bucket=INPUT,
    key="a+b.png",
    sequencer="0A".ljust(32, "0"),
    version_id="v1",
    choices=Choices(renditions=("web",), reference="order 4711"),
    request="e1",
)


def test_a_request_with_nothing_left_to_go_on_with_is_made_again_as_it_was(
    deployment: Deployment, dropcut: Dropcut
) -> None:
    body = json.dumps({"upload": REQUESTED.to_fields(), "picture": {}})
    dead_letter(deployment, "Cut", body, code="prepared_gone", reason="It is gone.")
    dropcut("redrive", "--send")
    (again,) = bodies(deployment, "Intake")
    assert read_request(again, sent_at_seconds=0) == replace(REQUESTED, sequencer=BEFORE_ALL)


def test_a_requested_photo_that_was_rejected_is_requested_again(deployment: Deployment, dropcut: Dropcut) -> None:
    jobs = JobRecords(table=deployment.table)
    jobs.begin(REQUESTED, now=1.0)
    jobs.ended(REQUESTED, Ended(kind="rejected", code="bad_request", reason="No.", attempts=1), now=2.0)
    dropcut("redrive", "--rejected", "--send")
    (body,) = bodies(deployment, "Intake")
    again = read_request(body, sent_at_seconds=0)
    assert isinstance(again, Upload)
    assert jobs.begin(jobs.ordered(again), now=3.0, redriven=True) == "begun"
