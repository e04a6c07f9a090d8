"""The requests to Lambda, as botocore's own model of Lambda takes them."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from dropcut.adapters.cut_function import CutFunction, ProbeFailedError

from tests.functions.cloud import REGION

EVENT_SOURCE = "11111111-2222-3333-4444-555555555555"
RECORD = {"messageId": "1", "body": "ü"}


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client("lambda", region_name=REGION)


@pytest.fixture
def aws_lambda(client: Any) -> Iterator[Stubber]:
    """Answers what a test scripted, and wants all of it to be asked."""
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def cut_function(client: Any) -> CutFunction:
    return CutFunction(client, function_name="cut", event_source_id=EVENT_SOURCE)


def answers(aws_lambda: Stubber, payload: bytes, **more: Any) -> None:
    body = StreamingBody(io.BytesIO(payload), len(payload))
    sent = {"FunctionName": "cut", "Payload": json.dumps({"Records": [RECORD]}).encode()}
    aws_lambda.add_response("invoke", {"StatusCode": 200, "Payload": body} | more, sent)


@pytest.mark.parametrize(
    ("state", "wanted", "updated"),
    [
        ("Enabled", True, False),
        ("Enabling", True, False),
        ("Disabled", True, True),
        ("Disabling", True, False),
        ("Enabled", False, True),
        ("Enabling", False, False),
        ("Updating", False, False),
        ("Disabled", False, False),
        ("Disabling", False, False),
    ],
)
def test_the_event_source_is_changed_when_it_is_not_as_wanted_and_at_rest(
    aws_lambda: Stubber, cut_function: CutFunction, state: str, wanted: bool, updated: bool
) -> None:
    aws_lambda.add_response("get_event_source_mapping", {"State": state}, {"UUID": EVENT_SOURCE})
    if updated:
        aws_lambda.add_response("update_event_source_mapping", {}, {"UUID": EVENT_SOURCE, "Enabled": wanted})
    cut_function.take_messages(wanted)


@pytest.mark.parametrize("code", ["ResourceInUseException", "ResourceConflictException"])
def test_an_event_source_that_somebody_else_is_changing_is_left_to_the_next_look(
    aws_lambda: Stubber, cut_function: CutFunction, code: str
) -> None:
    aws_lambda.add_response("get_event_source_mapping", {"State": "Disabled"})
    aws_lambda.add_client_error("update_event_source_mapping", code)
    cut_function.take_messages(True)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "TooManyRequestsException"])
def test_any_other_error_of_lambda_goes_up(aws_lambda: Stubber, cut_function: CutFunction, code: str) -> None:
    aws_lambda.add_response("get_event_source_mapping", {"State": "Disabled"})
    aws_lambda.add_client_error("update_event_source_mapping", code)
    with pytest.raises(ClientError, match=code):
        cut_function.take_messages(True)


@pytest.mark.parametrize(("failures", "done"), [([], True), ([{"itemIdentifier": "1"}], False)])
def test_a_record_is_handed_over_and_is_done_with_or_stays(
    aws_lambda: Stubber, cut_function: CutFunction, failures: list[dict[str, str]], done: bool
) -> None:
    answers(aws_lambda, json.dumps({"batchItemFailures": failures}).encode())
    assert cut_function.handle(RECORD) is done


def test_a_function_that_failed_itself_is_an_error_with_its_words(
    aws_lambda: Stubber, cut_function: CutFunction
) -> None:
    answers(aws_lambda, b'{"errorMessage": "out of memory"}', FunctionError="Unhandled")
    with pytest.raises(ProbeFailedError, match="out of memory"):
        cut_function.handle(RECORD)
