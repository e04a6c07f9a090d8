import json
from typing import Any

import pytest
from dropcut.core.choices import Choices
from dropcut.core.cutout_request import BEFORE_ALL, read_request, request_event, sequencer_after
from dropcut.core.messages import MalformedMessageError, RefusedRequest, Upload

from tests.functions.cloud import INPUT
from tests.functions.upload_messages import by_event_bridge, by_notification, request


def read(message: Any) -> Upload | RefusedRequest | None:
    return read_request(json.dumps(message), sent_at_seconds=7.5)


def test_a_request_is_an_upload_with_choices_and_an_id_of_its_own() -> None:
    asked = read(
        request("ü/a b+c.jpg", version_id="v1", renditions=["web"], reference="order 4711", metadata={"sku": "42"})
    )
    assert asked == Upload(
        bucket=INPUT,
        key="ü/a b+c.jpg",
        sequencer=BEFORE_ALL,
        version_id="v1",
        arrived_at_seconds=7.5,
        choices=Choices(renditions=("web",), reference="order 4711", metadata={"sku": "42"}),
        request="e1",
    )


def test_the_same_request_is_the_same_job_wherever_it_is_ordered() -> None:
    first, again, other, upload = (
        Upload(bucket="in", key="a.jpg", sequencer=sequencer, request=id_)
        for sequencer, id_ in [("01", "e1"), ("02", "e1"), ("01", "e2"), ("01", "")]
    )
    assert first.job_id == again.job_id
    assert len({first.job_id, other.job_id, upload.job_id}) == 3


@pytest.mark.parametrize("given", [{}, {"reference": "r", "renditions": ["web"], "metadata": {"sku": "42"}}])
@pytest.mark.parametrize("version_id", [None, "v1"])
def test_a_request_can_be_sent_again_as_it_was(given: dict[str, Any], version_id: str | None) -> None:
    asked = read(request(version_id=version_id, **given))
    assert isinstance(asked, Upload)
    assert read(request_event(asked)) == asked


@pytest.mark.parametrize("other", [by_event_bridge(), by_notification(), {"Event": "s3:TestEvent"}, [], 7, None])
def test_what_is_no_request_is_left_to_others(other: Any) -> None:
    assert read(other) is None
    assert read_request("no JSON", sent_at_seconds=0) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"bucket": None}, "bucket is None"),
        ({"bucket": "b" * 64}, "bucket is 'bbb"),
        ({"key": ""}, "key is ''"),
        ({"key": 7}, "key is 7"),
        ({"key": "ü" * 513}, "key is "),
        ({"version_id": 7}, "version_id is 7"),
        ({"rendition": "web"}, "There is no 'rendition' in a request"),
        ({"renditions": "web"}, "renditions is 'web'"),
        ({"reference": "a\nb"}, "reference is "),
        ({"metadata": {"sku": 7}}, "metadata is "),
    ],
    ids=str,
)
def test_a_malformed_request_is_refused_with_what_is_allowed(wrong: dict[str, Any], says: str) -> None:
    refused = read(request(**wrong))
    assert isinstance(refused, RefusedRequest)
    assert refused.code == "request_malformed"
    assert says in refused.reason
    assert "Allowed: " in refused.reason


def test_a_refused_request_keeps_its_reference_so_that_it_can_be_found_again() -> None:
    refused = read(request(reference="order 4711", renditions=7))
    assert isinstance(refused, RefusedRequest)
    assert refused.upload.choices.reference == "order 4711"


@pytest.mark.parametrize("changed", [{"id": ""}, {"id": None}, {"id": 7}, {"id": "e" * 129}, {"detail": "a.jpg"}])
def test_a_request_without_an_id_or_a_detail_is_malformed(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessageError, match="needs an `id`"):
        read(request() | changed)


def test_requests_come_after_the_upload_they_follow_and_before_the_next() -> None:
    upload, next_upload = ("0066A1B2C3D4E5F607".ljust(32, "0"), "0066A1B2C3D4E5F608".ljust(32, "0"))
    first = sequencer_after(upload)
    second = sequencer_after(first)
    assert upload < first < second < next_upload
    assert sequencer_after(BEFORE_ALL) < upload
