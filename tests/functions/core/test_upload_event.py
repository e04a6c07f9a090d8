import json
from collections.abc import Callable
from typing import Any

import pytest
from dropcut.core.messages import MalformedMessageError, Upload
from dropcut.core.upload_event import read_uploads
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.cloud import INPUT
from tests.functions.upload_messages import by_event_bridge, by_notification

SENT = 1_722_000_000.5
TREACHEROUS_KEYS = [
    "a.jpg",
    "%2B%20%%%.png",
    "%2B++ %20.png",
    "a+b.png",
    "a b.png",
    "ü/é.png",
    "日本.png",
    "🐱.png",
    "k" * 1020 + ".png",
    "日" * 341 + "x",
    'it\'s "quoted".png',
    "line\nbreak\ttab.png",
    "../../etc/passwd",
    "/leading/slash.png",
    "double//slash.png",
    "folder/",
    "100%.png",
    "a&b=c;d?e#f.png",
    "back\\slash.png",
    "null\0byte.png",
]


def read(event: object) -> list[Upload]:
    return read_uploads(json.dumps(event), sent_at_seconds=SENT)


@pytest.mark.parametrize("shape", [by_event_bridge, by_notification])
@pytest.mark.parametrize("key", TREACHEROUS_KEYS, ids=lambda key: ascii(key[:20]))
def test_every_key_comes_out_as_s3_knows_it_from_both_shapes(key: str, shape: Callable[..., Any]) -> None:
    (upload,) = read(shape(key))
    assert (upload.bucket, upload.key) == (INPUT, key)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_key_comes_out_the_same_from_both_shapes(key: str) -> None:
    assert read(by_event_bridge(key)) == read(by_notification(key))
    assert read(by_event_bridge(key))[0].key == key


@pytest.mark.parametrize("shape", [by_event_bridge, by_notification])
def test_an_upload_knows_when_its_message_was_sent(shape: Callable[..., Any]) -> None:
    assert read(shape())[0].arrived_at_seconds == SENT


@pytest.mark.parametrize(
    ("event", "version"),
    [
        (by_event_bridge(**{"version-id": "v7"}), "v7"),
        (by_event_bridge(**{"version-id": ""}), None),
        (by_event_bridge(), None),
        (by_notification(versionId="v7"), "v7"),
        (by_notification(), None),
    ],
)
def test_the_version_is_read_where_there_is_one(event: Any, version: str | None) -> None:
    assert read(event)[0].version_id == version


@pytest.mark.parametrize("shape", [by_event_bridge, by_notification])
@pytest.mark.parametrize(
    ("older", "newer"),
    [("0055AED6DCD90281E5", "0055AED6DCD90281E6"), ("0055AED6DC", "0055AED6DCD9"), ("00ab", "00AC"), ("00", "01")],
)
def test_sequencers_of_any_length_and_case_order_uploads(shape: Callable[..., Any], older: str, newer: str) -> None:
    assert read(shape(sequencer=older))[0].sequencer < read(shape(sequencer=newer))[0].sequencer


@pytest.mark.parametrize("shape", [by_event_bridge, by_notification])
@pytest.mark.parametrize("sequencer", ["ZZ", "~", "0x1F", "F" * 65, "-1", "1 ", "日", "1\n", 1.5, ["00"]])
def test_a_sequencer_that_s3_could_not_have_given_is_refused(shape: Callable[..., Any], sequencer: Any) -> None:
    """It would order this upload behind all that come."""
    with pytest.raises(MalformedMessageError, match="no sequencer like"):
        read(shape(sequencer=sequencer))


@pytest.mark.parametrize("shape", [by_event_bridge, by_notification])
@pytest.mark.parametrize("missing", [None, ""])
def test_without_a_sequencer_the_time_of_sending_orders_uploads(shape: Callable[..., Any], missing: Any) -> None:
    event = json.dumps(shape(sequencer=missing))
    earlier, later = (read_uploads(event, sent_at_seconds=SENT + wait)[0] for wait in (0, 2))
    assert earlier.sequencer < later.sequencer
    assert len(earlier.sequencer) == len(read(shape())[0].sequencer)


@pytest.mark.parametrize(
    "event",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": INPUT, "RequestId": "1", "HostId": "2"},
        {"Records": []},
        by_event_bridge() | {"detail-type": "Object Deleted"},
        by_event_bridge() | {"detail-type": "Object Tags Added"},
        {"Records": [{"eventName": "ObjectRemoved:Delete", "s3": {}}]},
        {"Records": [{"eventName": "s3:ObjectRemoved:DeleteMarkerCreated"}]},
        {"Records": [{"eventName": "ObjectTagging:Put"}]},
    ],
)
def test_what_is_no_upload_is_dropped_silently(event: Any) -> None:
    assert read(event) == []


@pytest.mark.parametrize(
    "name",
    ["ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload"],
)
@pytest.mark.parametrize("prefix", ["", "s3:"])
def test_every_way_of_creating_an_object_is_an_upload(prefix: str, name: str) -> None:
    event = by_notification()
    event["Records"][0]["eventName"] = prefix + name
    assert len(read(event)) == 1


def test_a_notification_may_hold_several_uploads_and_other_changes() -> None:
    removed = {"eventName": "ObjectRemoved:Delete"}
    records = [*by_notification("a")["Records"], removed, *by_notification("b")["Records"]]
    assert [upload.key for upload in read({"Records": records})] == ["a", "b"]


def without(event: dict[str, Any], *path: Any) -> dict[str, Any]:
    """The event with one of its fields left out."""
    copied = json.loads(json.dumps(event))
    inner = copied
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return copied


@pytest.mark.parametrize(
    "body",
    [
        "",
        "plain words",
        "null",
        "3",
        '"text"',
        "[]",
        "{}",
        "[" * 100_000,
        '{"source": "aws.ec2", "detail": {}}',
        '{"source": "aws.s3"}',
        '{"Records": null}',
        '{"Records": "text"}',
        '{"Records": [null]}',
        '{"Records": [{}]}',
        '{"Records": [{"eventName": 7}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": null}]}',
        '{"source": "aws.s3", "detail-type": "Object Created", "detail": null}',
        '{"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": "b", "object": "o"}}',
        json.dumps(without(by_event_bridge(), "detail", "object", "key")),
        json.dumps(without(by_event_bridge(), "detail", "object")),
        json.dumps(without(by_event_bridge(), "detail", "bucket")),
        json.dumps(without(by_notification(), "Records", 0, "s3", "object", "key")),
        json.dumps(without(by_notification(), "Records", 0, "s3", "bucket", "name")),
        json.dumps(by_event_bridge("")),
        json.dumps(by_event_bridge(key=7)),  # type: ignore[arg-type]
        json.dumps(by_notification(key="%FF")).replace("%25FF", "%FF"),
    ],
    ids=lambda body: body[:60],
)
def test_everything_else_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessageError):
        read_uploads(body, sent_at_seconds=SENT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "source", "detail", "detail-type", "object", "bucket", "name", "key", "s3"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_either_read_or_malformed(message: Any) -> None:
    try:
        uploads = read(message)
    except MalformedMessageError:
        return
    assert uploads == []


@given(JSON)
def test_any_detail_under_s3s_name_is_either_read_or_malformed(detail: Any) -> None:
    try:
        uploads = read({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
    except MalformedMessageError:
        return
    assert all(upload.key and upload.bucket for upload in uploads)
