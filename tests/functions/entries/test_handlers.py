"""The functions as Lambda starts them, one after the other, with the real client against the stand-in."""

import importlib
import io
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from dropcut.adapters import object_store
from dropcut.core.formats.photo_format import PHOTO_FORMATS
from dropcut.core.photo_source import PhotoSource, sources_to_json
from dropcut.environment import (
    AWS_CONNECT_SECONDS,
    AWS_READ_SECONDS,
    AWS_TRIES,
    CutEnvironment,
    DeliverEnvironment,
    Environment,
    GatekeeperEnvironment,
    PrepareEnvironment,
)
from dropcut.message_batch import FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS
from dropcut.observability import logger

from stand_in.stand_in import StandIn
from tests.functions.cloud import ACCOUNT, INPUT, OUTPUT, SECRET, TABLE, WORK, Cloud, OneWriteAtATime
from tests.functions.lambda_events import Context, batch_of, run
from tests.functions.pictures import decoded, picture
from tests.functions.upload_messages import body, by_event_bridge, by_notification

STAGES = ("prepare", "cut", "deliver")
OWN_QUEUE = {"prepare": "intake", "cut": "cut", "deliver": "deliver"}
MAX_POSSIBLY_PAID = 3
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


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
        self.cloud, self.api, self._monkeypatch = cloud, api, monkeypatch
        monkeypatch.setattr(boto3, "client", self._client)
        self.owners: list[str] = []
        """The account whose buckets each client of S3 may use."""
        monkeypatch.setattr(object_store, "owned_by", self._owned_by)
        cloud.put_key(api.key)
        self.aws_lambda = LambdaInMemory()
        self.configured: list[tuple[str, Any]] = []
        """Service and configuration of each client, of the function imported last at the end."""
        self.environments = self._environments()
        self.entries = {name: self._import(name) for name in self.environments}
        self.handlers = {name: entry.handler for name, entry in self.entries.items()}
        self.aws_lambda.cut = self.handlers["cut"]

    def _client(self, name: str, *, config: Any = None) -> Any:
        """The clients of the other tests: making eleven for each deployment takes a second."""
        self.configured.append((name, config))
        clients = self.cloud.clients
        return {
            "s3": clients.s3,
            "sqs": clients.sqs,
            "dynamodb": OneWriteAtATime(clients.dynamodb),
            "events": clients.events,
            "secretsmanager": clients.secrets,
            "lambda": self.aws_lambda,
        }[name]

    def _owned_by(self, account: str, client: Any) -> Any:
        """The client as it is: it is shared by all tests, which make buckets with it."""
        self.owners.append(account)
        return client

    def redeploy(self, name: str, **settings: Any) -> None:
        """Deploy one function again, with these settings changed."""
        self.environments[name] = replace(self.environments[name], **settings)
        self.entries[name] = self._import(name)
        self.handlers[name] = self.entries[name].handler

    def _import(self, name: str) -> ModuleType:
        for variable, text in self.environments[name].to_variables().items():
            self._monkeypatch.setenv(variable, text)
        module = f"dropcut.entries.{name}"
        self._monkeypatch.delitem(sys.modules, module, raising=False)
        self.configured.clear()
        return importlib.import_module(module)

    def _environments(self) -> dict[str, Environment]:
        """As the stacks build them."""
        queues = self.cloud.queues
        imaging: Any = {
            "max_photo_megapixels": 120.0,
            "max_photo_mib": 100.0,
            "max_frames": 1000,
            "imaging_seconds": 40.0,
            "imaging_memory_mib": 1200,
            "formats": ",".join(PHOTO_FORMATS),
            "refuse_exposed": False,
        }
        return {
            "prepare": PrepareEnvironment(
                **self._of_stage("intake"),
                **imaging,
                rendition_names='[["full"]]',
                cut_queue_url=queues["cut"].url,
                deliver_queue_url=queues["deliver"].url,
            ),
            "deliver": DeliverEnvironment(
                **self._of_stage("deliver"),
                **imaging,
                output_bucket=OUTPUT,
                renditions='["full","amazon_main"]',
                input_renditions="[]",
                colour_profile="keep",
                keep_jobs_days=90,
                hold_doubtful=False,
                held_days=14,
                stage_roles="AROASTAGE",
            ),
            "gatekeeper": GatekeeperEnvironment(
                state_table=TABLE,
                function_seconds=300,
                cut_function="cut-function",
                cut_event_source="cut-event-source",
                cut_timeout_seconds=60,
                cut_queue_url=queues["cut"].url,
                cut_dead_letter_queue_url=queues["cut-dead"].url,
                deliver_queue_url=queues["deliver"].url,
                api_key_secret=SECRET,
            ),
            "cut": CutEnvironment(
                **self._of_stage("cut"),
                deliver_queue_url=queues["deliver"].url,
                api_key_secret=SECRET,
                provider=str(self.api.service.profile.name),
                api_base_url=self.api.base_url,
                api_timeout_seconds=5.0,
                client_id="dropcut",
                client_version="1.0",
                client_user_id="none",
                rate_limit_requests=1000,
                rate_limit_seconds=10.0,
                lockout_seconds=60.0,
                credits_per_image=2.0,
                daily_credit_limit=0.0,
                max_attempts=5,
                max_possibly_paid=MAX_POSSIBLY_PAID,
                retry_base_seconds=0.0,
                pause_seconds=60.0,
                pause_after_failures=20,
                pause_after_possibly_paid=20,
                pace_table=TABLE,
                keep_results_days=30,
            ),
        }

    def _of_stage(self, queue: str) -> Any:
        return {
            "state_table": TABLE,
            "function_seconds": 300,
            "account_id": ACCOUNT,
            "inputs": sources_to_json([PhotoSource(bucket=INPUT)]),
            "work_bucket": WORK,
            "queue_url": self.cloud.queues[queue].url,
            "dead_letter_queue_url": self.cloud.queues[f"{queue}-dead"].url,
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

    def prepared(self, key: str = "a.jpg") -> None:
        """A photo is dropped, and waits to be cut out."""
        self.cloud.put(key, picture("jpeg"))
        self.arrive(by_event_bridge(key))
        assert self.run("prepare") == []

    def cut_again(self) -> None:
        """Run the stage that buys, and let the message that has to stay be received again."""
        for message in self.run("cut"):
            self.cloud.queues["cut"].send(message)

    def status(self, key: str = "a.jpg") -> str:
        return str((self.cloud.item(f"object#{INPUT}/{key}") or {})["status"])


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
    main = decoded(cloud.read(OUTPUT, "shop/ü a+b-amazon_main.jpg"))
    assert (main.format, main.mode, main.size) == ("JPEG", "RGB", (2000, 2000))
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
    assert sorted(cloud.keys(OUTPUT)) == ["good-amazon_main.jpg", "good.png", "same-amazon_main.jpg", "same.png"]
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
    deployment.prepared()
    deployment.api.fault("internal_error", times=2)
    for _ in range(2):
        deployment.cut_again()
    assert deployment.run("cut") == []
    deployment.run("deliver")
    assert deployment.cloud.keys(OUTPUT) == ["a-amazon_main.jpg", "a.png"]
    assert deployment.api.summary()["paid_calls"] == 1


@pytest.fixture
def paused(deployment: Deployment) -> Deployment:
    """Out of credits, with one photo waiting to be cut out; its message can be received."""
    deployment.api.fault("payment_required", times=None)
    deployment.prepared()
    deployment.cut_again()
    return deployment


def time_for_a_probe(deployment: Deployment) -> None:
    deployment.cloud.table.update("gate", "SET closed_until = :past", {"past": 0})


def test_without_credits_photos_wait_and_nothing_is_dead_lettered(paused: Deployment) -> None:
    assert (paused.cloud.item("gate") or {})["code"] == "no_credits"
    assert paused.cloud.take("cut-dead") == []
    paused.tick()
    (notice,) = paused.cloud.bodies("deliver")
    assert (notice["spending"]["kind"], notice["spending"]["code"]) == ("paused", "no_credits")


def test_the_record_of_a_waiting_photo_says_why_and_when_the_next_try_is(paused: Deployment) -> None:
    record, gate = paused.cloud.item(f"object#{INPUT}/a.jpg") or {}, paused.cloud.item("gate") or {}
    assert "no_credits" in str(record["waits_for"])
    assert record["next_try"] == gate["closed_until"]


def test_while_it_is_not_fixed_the_gatekeeper_holds_the_messages_back(paused: Deployment) -> None:
    paused.tick()
    assert not paused.aws_lambda.takes_messages
    assert len(paused.api.calls()) == 1
    time_for_a_probe(paused)
    paused.tick()
    assert not paused.aws_lambda.takes_messages
    assert len(paused.api.calls()) == 2
    assert not paused.cloud.queues["cut"].is_empty()
    assert (paused.cloud.item("gate") or {})["probes"] == 1


def test_once_it_is_fixed_the_gatekeeper_lets_the_messages_in_again(paused: Deployment) -> None:
    paused.tick()
    paused.api.clear_faults()
    time_for_a_probe(paused)
    paused.tick()
    assert paused.aws_lambda.takes_messages
    assert paused.cloud.item("gate") == {"id": "gate"}
    assert paused.cloud.queues["cut"].is_empty()
    paused.tick()
    assert paused.run("deliver") == []
    assert paused.cloud.keys(OUTPUT) == ["a-amazon_main.jpg", "a.png"]
    assert paused.api.summary()["paid_calls"] == 1


def test_a_tick_while_nothing_is_wrong_publishes_no_metric_that_is_paid_for(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.tick()
    assert metrics_in(capsys.readouterr().out) == {}
    assert deployment.aws_lambda.takes_messages


# ---- what a message can meet on its way


def refusing(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def test_a_table_that_cannot_be_asked_delays_each_message_by_seconds(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that went up would leave the whole batch unseen for six time-outs."""

    def away(**_request: Any) -> Any:
        raise refusing("ProvisionedThroughputExceededException", "BatchGetItem")

    deployment.prepared("a.jpg")
    deployment.prepared("b.jpg")
    with monkeypatch.context() as patched:
        patched.setattr(deployment.cloud.clients.dynamodb, "batch_get_item", away)
        staying = deployment.run("cut")
    assert len(staying) == 2
    for message in staying:
        deployment.cloud.queues["cut"].send(message)
    deployment.cut_again()
    assert (deployment.run("cut"), deployment.api.summary()["paid_calls"]) == ([], 1)


def test_a_dead_letter_queue_that_refuses_takes_no_ceiling_away(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is remembered before the message is dead-lettered: it comes back, and costs no further call."""
    send, dead = deployment.cloud.clients.sqs.send_message, deployment.cloud.queues["cut-dead"].url

    def send_or_refuse(*, QueueUrl: str, **more: Any) -> Any:
        if QueueUrl == dead:
            raise refusing("AccessDenied", "SendMessage")
        return send(QueueUrl=QueueUrl, **more)

    deployment.prepared()
    deployment.api.fault("reset_after_payment", times=None)
    with monkeypatch.context() as patched:
        patched.setattr(deployment.cloud.clients.sqs, "send_message", send_or_refuse)
        for _ in range(MAX_POSSIBLY_PAID + 5):
            deployment.cut_again()
    assert len(deployment.api.calls()) == MAX_POSSIBLY_PAID
    assert deployment.cloud.bodies("deliver") == []
    assert deployment.run("cut") == []
    (letter,) = deployment.cloud.take("cut-dead")
    assert letter["MessageAttributes"]["possibly_paid"]["StringValue"] == str(MAX_POSSIBLY_PAID)
    assert len(deployment.api.calls()) == MAX_POSSIBLY_PAID
    assert len(deployment.cloud.bodies("deliver")) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_a_message_that_waited_too_long_is_one_dead_letter_and_one_failed_photo(
    deployment: Deployment, stage: str
) -> None:
    cloud, queue = deployment.cloud, OWN_QUEUE[stage]
    deployment.cloud.put("a.jpg", picture("jpeg"))
    deployment.arrive(by_event_bridge("a.jpg"))
    for earlier in STAGES[: STAGES.index(stage)]:
        assert deployment.run(earlier) == []
    (message,) = cloud.take(queue)
    message["Attributes"]["SentTimestamp"] = str(round((time.time() - 13.1 * 86_400) * 1000))
    assert deployment.handlers[stage](batch_of([message]), Context())["batchItemFailures"] == []
    (letter,) = cloud.take(f"{queue}-dead")
    assert letter["Body"] == message["Body"]
    attributes = {name: given["StringValue"] for name, given in letter["MessageAttributes"].items()}
    assert attributes["stage"] == stage
    assert attributes["reason"].startswith("It waited for 13.1 days")
    if stage != "deliver":
        assert deployment.run("deliver") == []
    assert cloud.tags("a.jpg") == {"dropcut": "failed"}


@pytest.fixture
def failed(deployment: Deployment) -> tuple[Deployment, dict[str, Any]]:
    """A photo whose calls broke off too often, and its dead letter; the API is well again."""
    deployment.prepared()
    deployment.api.fault("reset_before_payment", times=MAX_POSSIBLY_PAID)
    for _ in range(MAX_POSSIBLY_PAID):
        deployment.cut_again()
    (letter,) = deployment.cloud.take("cut-dead")
    assert deployment.run("deliver") == []
    assert deployment.status() == "failed"
    deployment.api.forget_calls()
    time.sleep(0.01)  # messages are dated in whole milliseconds, and a redrive comes after the end
    return deployment, letter


def send_again(deployment: Deployment, letter: dict[str, Any], *, as_it_is: bool = True) -> None:
    """As SQS redrives it: with its attributes."""
    attributes = {"MessageAttributes": letter["MessageAttributes"]} if as_it_is else {}
    url = deployment.cloud.queues["cut"].url
    deployment.cloud.clients.sqs.send_message(QueueUrl=url, MessageBody=letter["Body"], **attributes)


@pytest.mark.parametrize(("redriven", "calls"), [(True, 1), (False, 0)])
def test_a_picture_that_failed_is_asked_for_again_by_a_redrive_alone(
    failed: tuple[Deployment, dict[str, Any]], redriven: bool, calls: int
) -> None:
    deployment, letter = failed
    send_again(deployment, letter, as_it_is=redriven)
    assert deployment.run("cut") == deployment.run("deliver") == []
    assert len(deployment.api.calls()) == calls
    assert deployment.status() == ("delivered" if redriven else "failed")


def test_a_redriven_picture_is_asked_for_again_by_a_probe_of_the_gatekeeper_too(
    failed: tuple[Deployment, dict[str, Any]],
) -> None:
    deployment, letter = failed
    deployment.cloud.table.update(
        "gate",
        "SET standing = :closed, code = :code, reason = :code, closed_until = :past, swept_at = :now",
        {"closed": "closed", "code": "no_credits", "past": 0, "now": time.time()},
    )
    send_again(deployment, letter)
    deployment.tick()
    assert len(deployment.api.calls()) == 1
    assert deployment.cloud.item("gate") == {"id": "gate"}
    assert deployment.run("deliver") == []
    assert deployment.status() == "delivered"


def test_every_stage_talks_to_buckets_of_its_own_account_only(deployment: Deployment) -> None:
    assert deployment.owners == [ACCOUNT] * 3


def test_a_request_of_the_version_before_is_cut_out(deployment: Deployment) -> None:
    """Its picture lies in the work bucket, however small it is; the message names neither operation nor redrive."""
    cloud = deployment.cloud
    deployment.prepared()
    (request,) = cloud.bodies("cut")
    cloud.put(request["picture"]["work_key"], picture("jpeg"), bucket=WORK)
    assert request.keys() - {"upload", "picture"} == {"content"}
    del request["content"]
    cloud.queues["cut"].send(json.dumps(request))
    assert deployment.run("cut") == deployment.run("deliver") == []
    assert deployment.status() == "delivered"


# ---- what the entries make their clients of


def test_the_cut_functions_clients_give_up_within_the_time_kept_for_them(deployment: Deployment) -> None:
    """The last function imported is the one that buys."""
    tries = {"mode": "standard", "total_max_attempts": AWS_TRIES}
    assert {name for name, _config in deployment.configured} == {"s3", "sqs", "dynamodb", "secretsmanager"}
    for _name, config in deployment.configured:
        assert (config.connect_timeout, config.read_timeout) == (AWS_CONNECT_SECONDS, AWS_READ_SECONDS)
        assert config.retries in (tries, {"total_max_attempts": 1})


def test_the_cut_function_uses_the_times_of_its_environment(deployment: Deployment) -> None:
    entry, environment = deployment.entries["cut"], deployment.environments["cut"]
    assert isinstance(environment, CutEnvironment)
    assert entry.batch.needed_seconds == environment.needed_seconds
    assert entry.accounts.rules.call_needs_seconds == environment.call_needs_seconds
    assert entry.accounts.rules.probe_seconds == entry.cut.claims.lease_seconds == environment.lease_seconds


def test_a_probe_is_made_once_and_waited_for_to_its_end(deployment: Deployment) -> None:
    """A client that tried again by itself, or a connection that was forgotten meanwhile, would pay twice."""
    patient = deployment.entries["gatekeeper"].patient
    assert patient.read_timeout > 60
    assert (patient.retries["total_max_attempts"], patient.tcp_keepalive) == (1, True)


@pytest.mark.parametrize("stage", ["prepare", "deliver"])
def test_a_version_that_s3_does_not_find_yet_is_tried_until_it_surely_would(deployment: Deployment, stage: str) -> None:
    """New versions may stay unseen for a quarter of an hour; the tries must not be used up before."""
    tries = deployment.entries[stage].batch.receives_before_giving_up
    waits = [min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0**receive) for receive in range(tries - 1)]
    assert sum(waits) > 15 * 60


def test_a_probe_of_the_sandbox_is_answered_without_a_queue(deployment: Deployment) -> None:
    found = deployment.handlers["prepare"]({"dropcut": "sandbox_probe"}, Context())
    assert set(found) == {"prctl", "no_new_privs", "landlock", "seccomp", "exposed", "yama_ptrace_scope"}
    assert all(isinstance(answer, bool) for name, answer in found.items() if name != "yama_ptrace_scope")


def test_a_format_that_is_turned_off_is_rejected_by_its_setting(deployment: Deployment) -> None:
    deployment.redeploy("prepare", formats="png")
    deployment.prepared("photo.jpg")
    [outcome] = deployment.cloud.bodies("deliver")
    assert "(`formats`: png)" in json.dumps(outcome)
