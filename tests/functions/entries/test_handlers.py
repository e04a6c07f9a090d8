"""The functions as Lambda starts them, one after the other, with the real client against the stand-in."""

import importlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from types import ModuleType
from typing import Any

import boto3
import pytest
from dropcut.environment import CutEnvironment, DeliverEnvironment, GatekeeperEnvironment, PrepareEnvironment
from dropcut.observability import logger

from local.api.stand_in import StandIn
from tests.functions.cloud import INPUT, OUTPUT, SECRET, TABLE, WORK, Cloud, OneWriteAtATime
from tests.functions.lambda_events import Context, run
from tests.functions.pictures import decoded, picture
from tests.functions.upload_messages import body, by_event_bridge, by_notification

STAGES = ("prepare", "cut", "deliver")
ENVIRONMENTS = {
    "prepare": PrepareEnvironment,
    "cut": CutEnvironment,
    "deliver": DeliverEnvironment,
    "gatekeeper": GatekeeperEnvironment,
}
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")
OWN_QUEUE = {"prepare": "intake", "cut": "cut", "deliver": "deliver"}


class LambdaInMemory:
    """A client of Lambda that knows the cut function and its event source."""

    def __init__(self) -> None:
        self.cut: Any = None
        self.takes_messages = True

    def get_event_source_mapping(self, *, UUID: str) -> dict[str, str]:
        assert UUID == "cut-event-source"
        return {"State": "Enabled" if self.takes_messages else "Disabled"}

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> None:
        assert UUID == "cut-event-source"
        self.takes_messages = Enabled

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        assert FunctionName == "cut-function"
        answer = self.cut(json.loads(Payload), Context())
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}


class Deployment:
    """The handlers, each imported in its own environment, as functions are."""

    def __init__(self, cloud: Cloud, api: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud, self.api = cloud, api
        monkeypatch.setattr(boto3, "client", self._client)
        cloud.put_key(api.key)
        self.aws_lambda = LambdaInMemory()
        self.handlers = {name: self._import(name, monkeypatch).handler for name in ENVIRONMENTS}
        self.aws_lambda.cut = self.handlers["cut"]

    def _client(self, name: str, **_options: Any) -> Any:
        """The clients of the other tests: making eleven for each deployment takes a second."""
        clients = self.cloud.clients
        return {
            "s3": clients.s3,
            "sqs": clients.sqs,
            "dynamodb": OneWriteAtATime(clients.dynamodb),
            "events": clients.events,
            "secretsmanager": clients.secrets,
            "lambda": self.aws_lambda,
        }[name]

    def _import(self, name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        variables = self._variables(name)
        for field in fields(ENVIRONMENTS[name]):
            monkeypatch.setenv(field.name.upper(), variables[field.name])
        module = f"dropcut.entries.{name}"
        monkeypatch.delitem(sys.modules, module, raising=False)
        return importlib.import_module(module)

    def _variables(self, name: str) -> dict[str, str]:
        queues, own = self.cloud.queues, OWN_QUEUE.get(name, "none")
        return {
            "work_bucket": WORK,
            "input_bucket": INPUT,
            "output_bucket": OUTPUT,
            "input_prefix": "",
            "state_table": TABLE,
            "pace_table": TABLE,
            "cut_function": "cut-function",
            "cut_event_source": "cut-event-source",
            "cut_timeout_seconds": "60",
            "queue_url": queues[own].url,
            "dead_letter_queue_url": queues[f"{own}-dead"].url,
            "cut_queue_url": queues["cut"].url,
            "deliver_queue_url": queues["deliver"].url,
            "api_key_secret": SECRET,
            "provider": str(self.api.service.profile.name),
            "api_base_url": self.api.base_url,
            "api_timeout_seconds": "5",
            "rate_limit_requests": "1000",
            "rate_limit_seconds": "10",
            "lockout_seconds": "60",
            "output_format": "png",
            "credits_per_image": "2",
            "daily_credit_limit": "0",
            "max_attempts": "5",
            "max_possibly_paid": "3",
            "retry_base_seconds": "0",
            "pause_seconds": "60",
            "pause_after_failures": "20",
            "keep_results_days": "30",
            "max_photo_megapixels": "120",
            "max_photo_mib": "100",
            "max_frames": "1000",
            "imaging_seconds": "40",
            "imaging_memory_mib": "1200",
        }

    def arrive(self, *events: Any) -> None:
        for event in events:
            self.cloud.queues["intake"].send(event if isinstance(event, str) else body(event))

    def run(self, stage: str) -> list[str]:
        """The bodies that stay in the stage's queue after it ran over what waits there."""
        return run(self.handlers[stage], self.cloud, OWN_QUEUE[stage])

    def tick(self) -> None:
        """The gatekeeper's minute has come."""
        self.handlers["gatekeeper"]({}, Context())

    def run_all(self) -> None:
        for stage in STAGES:
            assert self.run(stage) == []


@pytest.fixture
def deployment(request: pytest.FixtureRequest, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    with StandIn(profile=getattr(request, "param", "ezlink")) as api:
        yield Deployment(cloud, api, monkeypatch)


def metrics_in(printed: str) -> dict[str, float]:
    """The sums of all metrics that were printed, by name."""
    sums: dict[str, float] = {}
    for line in printed.splitlines():
        record = json.loads(line)
        for directive in record.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "Dropcut"
            assert directive["Dimensions"] == [["service"]]
            for metric in directive["Metrics"]:
                values = record[metric["Name"]]
                sums[metric["Name"]] = sums.get(metric["Name"], 0) + sum(
                    values if isinstance(values, list) else [values]
                )
    return sums


@pytest.mark.parametrize("deployment", ["ezlink", "stability"], indirect=True)
def test_a_dropped_photo_becomes_a_cut_out(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    cloud = deployment.cloud
    cloud.put("shop/ü a+b.jpg", picture("jpeg", width=120, height=90, orientation=6))
    deployment.arrive(by_event_bridge("shop/ü a+b.jpg"))
    deployment.run_all()
    cut_out = decoded(cloud.read(OUTPUT, "shop/ü a+b.png"))
    assert (cut_out.mode, cut_out.size) == ("RGBA", (90, 120))
    assert cloud.tags("shop/ü a+b.jpg") == {"dropcut": "delivered"}
    assert (cloud.item(f"object#{INPUT}/shop/ü a+b.jpg") or {})["status"] == "delivered"
    assert deployment.api.summary()["paid_calls"] == 1
    assert [cloud.take(f"{queue}-dead") for queue in OWN_QUEUE.values()] == [[], [], []]
    metrics = metrics_in(capsys.readouterr().out)
    expected = {"PhotosReceived": 1, "ApiCalls": 1, "PicturesPaid": 1, "CreditsSpent": 2, "PhotosDelivered": 1}
    assert {name: metrics.get(name) for name in expected} == expected
    assert metrics["ApiMilliseconds"] > 0
    assert "SecondsToDelivery" in metrics


def test_every_log_line_about_a_photo_carries_its_job_and_never_the_key(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", printed)
    deployment.cloud.put("a.jpg", picture("jpeg"))
    deployment.arrive(by_event_bridge("a.jpg"))
    deployment.run_all()
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    job_id = (deployment.cloud.item(f"object#{INPUT}/a.jpg") or {})["job_id"]
    assert {(line["correlation_id"], line["key"]) for line in lines if "correlation_id" in line} == {(job_id, "a.jpg")}
    assert len({line["message"] for line in lines if "correlation_id" in line}) >= 3
    assert deployment.api.key not in printed.getvalue()


def test_a_batch_of_everything_comes_apart_cleanly(deployment: Deployment) -> None:
    cloud = deployment.cloud
    cloud.put("good.jpg", picture("jpeg"))
    cloud.put("same.jpg", picture("jpeg"))
    cloud.put("letter.png", b"not a picture")
    deployment.arrive(
        by_event_bridge("good.jpg"),
        by_notification("good.jpg"),
        by_event_bridge("same.jpg"),
        by_event_bridge("letter.png"),
        by_event_bridge("gone.jpg"),
        {"Event": "s3:TestEvent"},
        "this is no event",
    )
    deployment.run("prepare")
    staying = deployment.run("cut")
    for message in staying:  # of two messages about one picture at once, one may have to wait for the other
        cloud.queues["cut"].send(message)
    deployment.run("cut")
    deployment.run("deliver")
    assert sorted(cloud.keys(OUTPUT)) == ["good.png", "same.png"]
    assert deployment.api.summary()["paid_calls"] == 1
    statuses = {
        key: (cloud.item(f"object#{INPUT}/{key}") or {}).get("status")
        for key in ("good.jpg", "same.jpg", "letter.png", "gone.jpg")
    }
    assert statuses == {
        "good.jpg": "delivered",
        "same.jpg": "delivered",
        "letter.png": "rejected",
        "gone.jpg": "skipped",
    }
    (letter,) = cloud.take("intake-dead")
    assert letter["Body"] == "this is no event"
    assert "not JSON" in letter["MessageAttributes"]["reason"]["StringValue"]


def test_a_call_that_fails_for_a_while_loses_nothing(deployment: Deployment) -> None:
    cloud, api = deployment.cloud, deployment.api
    cloud.put("a.jpg", picture("jpeg"))
    deployment.arrive(by_event_bridge("a.jpg"))
    deployment.run("prepare")
    api.fault("internal_error", times=2)
    for _ in range(2):
        (message,) = deployment.run("cut")
        cloud.queues["cut"].send(message)
    assert deployment.run("cut") == []
    deployment.run("deliver")
    assert cloud.keys(OUTPUT) == ["a.png"]
    assert api.summary()["paid_calls"] == 1


@pytest.fixture
def paused(deployment: Deployment) -> Deployment:
    """Out of credits, with one photo waiting to be cut out; its message can be received."""
    deployment.api.fault("payment_required", times=None)
    deployment.cloud.put("a.jpg", picture("jpeg"))
    deployment.arrive(by_event_bridge("a.jpg"))
    deployment.run("prepare")
    (message,) = deployment.run("cut")
    deployment.cloud.queues["cut"].send(message)
    return deployment


def time_for_a_probe(deployment: Deployment) -> None:
    deployment.cloud.table.update("gate", "SET closed_until = :past", {"past": 0})


def test_without_credits_photos_wait_and_nothing_is_dead_lettered(paused: Deployment) -> None:
    assert (paused.cloud.item("gate") or {})["code"] == "no_credits"
    assert paused.cloud.take("cut-dead") == []
    (notice,) = paused.cloud.bodies("deliver")
    assert (notice["spending"]["kind"], notice["spending"]["code"]) == ("paused", "no_credits")


def test_while_it_is_not_mended_the_gatekeeper_holds_the_messages_back(paused: Deployment) -> None:
    paused.tick()
    assert not paused.aws_lambda.takes_messages
    assert len(paused.api.calls()) == 1
    time_for_a_probe(paused)
    paused.tick()
    assert not paused.aws_lambda.takes_messages
    assert len(paused.api.calls()) == 2
    assert not paused.cloud.queues["cut"].is_empty()
    assert (paused.cloud.item("gate") or {})["probes"] == 1


def test_once_it_is_mended_the_gatekeeper_lets_the_messages_in_again(paused: Deployment) -> None:
    paused.tick()
    paused.api.clear_faults()
    time_for_a_probe(paused)
    paused.tick()
    assert paused.aws_lambda.takes_messages
    assert paused.cloud.item("gate") == {"id": "gate"}
    assert paused.cloud.queues["cut"].is_empty()
    paused.tick()
    assert paused.run("deliver") == []
    assert paused.cloud.keys(OUTPUT) == ["a.png"]
    assert paused.api.summary()["paid_calls"] == 1


def test_a_tick_while_nothing_is_wrong_says_that_nothing_was_paid(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.tick()
    metrics = metrics_in(capsys.readouterr().out)
    assert (metrics["PicturesPaid"], metrics["AnswersReused"]) == (0, 0)
    assert deployment.aws_lambda.takes_messages
