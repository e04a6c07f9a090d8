"""The pipeline: queues that lose nothing, functions that may do exactly their work, uploads that reach the first."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import dropcut
import pytest
from dropcut.core.backoff import MOST_RECEIVES, OLDEST_SECONDS
from dropcut.core.deliver_message import read_deliver_message
from dropcut.core.pace import HORIZON_SECONDS
from dropcut.core.photo_source import PhotoSource, read_sources
from dropcut.core.rendition_setting import read_renditions
from dropcut.core.review import EndOldHeld
from dropcut.core.webhook import EVENTS
from dropcut.environment import (
    SECONDS_TO_BEGIN,
    CutEnvironment,
    DeliverEnvironment,
    Environment,
    FeederEnvironment,
    GatekeeperEnvironment,
    NotifyEnvironment,
    PrepareEnvironment,
    longest_call_seconds,
)
from dropcut.imaging_stage import RECEIVES_BEFORE_GIVING_UP
from dropcut.use_cases.feed import SECONDS_FOR_A_PAGE
from dropcut.use_cases.gatekeeper import LONGEST_SWEEP_SECONDS

from dropcut_cdk.cut import GIVE_MEMORY_BACK
from dropcut_cdk.queues import BATCH_SIZE, RECEIVES, VISIBILITY_TIMEOUTS
from dropcut_cdk.sizes import (
    LONGEST_API_TIMEOUT_SECONDS,
    LONGEST_FUNCTION_SECONDS,
    LONGEST_IMAGING_SECONDS,
    PHOTOS_AT_ONCE,
    decoder_mib,
    size_of_deliver,
    size_of_prepare,
)
from infra.settings import Settings, SettingsError
from tests.judged import judged

from .synthesized import Synthesized, written_out

STAGES = ("Prepare", "Cut", "Deliver")
FUNCTIONS = (*STAGES, "Gatekeeper", "Feeder")
ENVIRONMENTS: dict[str, type[Environment]] = {
    "Prepare": PrepareEnvironment,
    "Cut": CutEnvironment,
    "Deliver": DeliverEnvironment,
    "Gatekeeper": GatekeeperEnvironment,
    "Feeder": FeederEnvironment,
    "Notify": NotifyEnvironment,
}
LIBRARIES = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
"""Variables that a library reads."""
FOURTEEN_DAYS = 14 * 24 * 3600


def queue(app: Synthesized, stage: str) -> Any:
    return app.properties("Pipeline", "AWS::SQS::Queue", f"{stage}QueuesQueue")


def function(app: Synthesized, stage: str) -> Any:
    return app.properties("Pipeline", "AWS::Lambda::Function", f"{stage}Code")


def variables(app: Synthesized, stage: str) -> dict[str, str]:
    """A function's environment; what is known at deployment only is written out."""
    return {name: written_out(value) for name, value in function(app, stage)["Environment"]["Variables"].items()}


def cut_environment(app: Synthesized) -> CutEnvironment:
    return CutEnvironment.read(variables(app, "Cut"))


# ---- queues


def test_every_queue_has_a_dead_letter_queue_of_its_own(app: Synthesized) -> None:
    assert len(app.resources("Pipeline", "AWS::SQS::Queue")) == 6
    for stage in STAGES:
        redrive = queue(app, stage)["RedrivePolicy"]
        assert written_out(redrive["deadLetterTargetArn"]) == f"<{stage}QueuesDeadLetterQueue.Arn>"


@pytest.mark.parametrize("imaging_seconds", [5.0, float(LONGEST_IMAGING_SECONDS)])
def test_what_a_throttled_function_never_sees_is_a_dead_letter_in_time(
    synthesize: Callable[..., Synthesized], imaging_seconds: float
) -> None:
    """Not before hours have gone by, as SQS gives no reason and no event; but well before SQS deletes it."""
    app = synthesize(imaging_seconds=imaging_seconds)
    for stage in ("Prepare", "Deliver"):
        receives = queue(app, stage)["RedrivePolicy"]["maxReceiveCount"]
        assert receives > 4 * RECEIVES_BEFORE_GIVING_UP, "the function itself comes first"
        assert 4 * 3600 < receives * queue(app, stage)["VisibilityTimeout"] < OLDEST_SECONDS


def test_sqs_dead_letters_in_time_however_long_a_function_may_run() -> None:
    assert RECEIVES * VISIBILITY_TIMEOUTS * LONGEST_FUNCTION_SECONDS < OLDEST_SECONDS


def test_cut_may_receive_a_message_as_often_as_sqs_allows(app: Synthesized) -> None:
    """It waits there by design, and comes back each time."""
    assert queue(app, "Cut")["RedrivePolicy"]["maxReceiveCount"] == 1000 > MOST_RECEIVES


def test_every_queue_keeps_messages_for_14_days_and_encrypts_them_by_itself(app: Synthesized) -> None:
    for name, resource in app.resources("Pipeline", "AWS::SQS::Queue").items():
        properties = resource["Properties"]
        assert properties["MessageRetentionPeriod"] == FOURTEEN_DAYS, name
        assert properties["SqsManagedSseEnabled"] is True, name
        assert "KmsMasterKeyId" not in properties, name
        assert "FifoQueue" not in properties, name


def test_every_queue_is_reached_by_tls_only(app: Synthesized) -> None:
    policies = app.resources("Pipeline", "AWS::SQS::QueuePolicy").values()
    guarded = {
        written_out(queue)
        for policy in policies
        for queue in policy["Properties"]["Queues"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert len(guarded) == 6


# ---- the chain of times: each lasts longer than what happens within it


@pytest.fixture(scope="module", params=[1.0, 75.0, float(LONGEST_API_TIMEOUT_SECONDS)])
def timed(request: pytest.FixtureRequest, synthesize: Callable[..., Synthesized]) -> Synthesized:
    """The shortest, the default and the longest time-out of the API."""
    return synthesize(api_timeout_seconds=request.param)


def test_visibility_is_six_times_the_timeout(timed: Synthesized) -> None:
    for stage in STAGES:
        assert queue(timed, stage)["VisibilityTimeout"] == 6 * function(timed, stage)["Timeout"]


def test_a_lease_outlives_the_function_that_holds_it(timed: Synthesized) -> None:
    """Two workers' clocks may differ: the next one must not take the picture while the first may still pay for it."""
    assert cut_environment(timed).lease_seconds >= function(timed, "Cut")["Timeout"] + 5


def test_a_batch_of_cut_can_begin_and_still_make_its_longest_call(timed: Synthesized) -> None:
    cut = cut_environment(timed)
    assert function(timed, "Cut")["Timeout"] >= SECONDS_TO_BEGIN + cut.needed_seconds


def test_after_its_longest_call_cut_has_time_to_store_and_to_record(timed: Synthesized) -> None:
    """boto3 tries a call of AWS three times, with 8 s for each, and waits up to 3 s in between."""
    cut = cut_environment(timed)
    longest_call = longest_call_seconds(cut.api_timeout_seconds)
    assert longest_call > 2 * cut.api_timeout_seconds  # the last read may begin just before the time is up
    assert cut.needed_seconds - HORIZON_SECONDS >= cut.call_needs_seconds >= longest_call + 2 * (3 * 8 + 3)


def test_the_gatekeeper_waits_longer_than_cut_runs_and_lives_longer_than_it_waits(timed: Synthesized) -> None:
    gatekeeper = GatekeeperEnvironment.read(variables(timed, "Gatekeeper"))
    assert gatekeeper.cut_timeout_seconds == function(timed, "Cut")["Timeout"]
    assert function(timed, "Cut")["Timeout"] < gatekeeper.invoke_seconds
    assert gatekeeper.invoke_seconds + LONGEST_SWEEP_SECONDS < function(timed, "Gatekeeper")["Timeout"] <= 900


def test_decoding_stages_have_time_for_a_photo_that_is_begun(timed: Synthesized) -> None:
    assert function(timed, "Prepare")["Timeout"] >= (
        PrepareEnvironment.read(variables(timed, "Prepare")).needed_seconds + 30
    )
    assert function(timed, "Deliver")["Timeout"] >= (
        DeliverEnvironment.read(variables(timed, "Deliver")).needed_seconds + 30
    )


# ---- functions


def test_the_functions(app: Synthesized) -> None:
    for stage, memory_mb in (("Prepare", 2720), ("Cut", 1024), ("Deliver", 2720)):
        properties = function(app, stage)
        assert properties["Handler"] == f"dropcut.entries.{stage.lower()}.handler"
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["arm64"]
        assert properties["MemorySize"] == memory_mb
        assert "ReservedConcurrentExecutions" not in properties


@pytest.mark.parametrize("tracing", [False, True])
def test_stages_are_traced_where_that_is_asked_for_and_what_runs_each_minute_never(
    synthesize: Callable[..., Synthesized], tracing: bool
) -> None:
    """It would make 43,800 traces a month while nothing is to be done."""
    app = synthesize(tracing=tracing)
    for name in FUNCTIONS:
        traced = tracing and name not in ("Gatekeeper", "Feeder")
        assert (function(app, name).get("TracingConfig") == {"Mode": "Active"}) is traced
        assert any("xray:PutTraceSegments" in as_list(each["Action"]) for each in statements(app, name)) is traced


def test_prepare_has_the_storage_and_the_time_that_the_settings_ask_for(synthesize: Callable[..., Synthesized]) -> None:
    prepare = function(synthesize(max_photo_megapixels=50, imaging_seconds=20.0), "Prepare")
    settings = Settings(max_photo_megapixels=50, imaging_seconds=20.0)
    size = size_of_prepare(settings)
    assert prepare["MemorySize"] == size.memory_mb
    assert prepare["EphemeralStorage"] == {"Size": size.ephemeral_storage_mb}
    assert prepare["Timeout"] == size.timeout_seconds
    assert prepare["Environment"]["Variables"]["IMAGING_MEMORY_MIB"] == str(decoder_mib(settings))


def test_deliver_has_the_room_and_the_renditions_that_the_settings_ask_for(
    synthesize: Callable[..., Synthesized],
) -> None:
    settings = Settings(
        output_format="webp",
        renditions=read_renditions(["full", "amazon_main"]),
        colour_profile="srgb",
        max_photo_megapixels=50,
        imaging_seconds=20.0,
    )
    deliver = function(
        synthesize(**{field.name: getattr(settings, field.name) for field in fields(settings)}), "Deliver"
    )
    given = deliver["Environment"]["Variables"]
    size = size_of_deliver(settings, settings.renditions_made)
    assert given["IMAGING_MEMORY_MIB"] == str(size.imaging_memory_mib)
    assert given["IMAGING_SECONDS"] == "30"  # 20 and 10 for the second rendition
    assert deliver["MemorySize"] == size.memory_mb > 2 * size.imaging_memory_mib
    assert deliver["EphemeralStorage"] == {"Size": size.ephemeral_storage_mb}
    assert deliver["Timeout"] == size.timeout_seconds


def test_renditions_that_a_functions_environment_cannot_hold_stop_the_synth(
    synthesize: Callable[..., Synthesized],
) -> None:
    many = [
        {
            "name": f"rendition-number-{number}",
            "format": "webp",
            "canvas": "1000x1000",
            "trim": True,
            "margin_percent": 5,
            "background": "#ffffff",
            "quality": 80,
            "key": "a-folder-with-a-long-name/{folder}{rendition}/{name}.{extension}",
        }
        for number in range(20)
    ]
    with pytest.raises(SettingsError, match=r"Allowed: 4,096, Lambda's limit; the longest part is .* renditions"):
        synthesize(renditions=read_renditions(many))


def test_batches_are_reported_in_part_and_concurrency_is_limited_at_the_source(app: Synthesized) -> None:
    sources = {
        written_out(resource["Properties"]["EventSourceArn"]): resource["Properties"]
        for resource in app.resources("Pipeline", "AWS::Lambda::EventSourceMapping").values()
    }
    assert set(sources) == {f"<{stage}QueuesQueue.Arn>" for stage in STAGES}
    for stage, concurrency, batch in (("Prepare", 10, 2), ("Cut", 7, 10), ("Deliver", 10, 2)):
        source = sources[f"<{stage}QueuesQueue.Arn>"]
        assert source["BatchSize"] == batch
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["ScalingConfig"] == {"MaximumConcurrency": concurrency}
        assert "MaximumBatchingWindowInSeconds" not in source


@pytest.mark.parametrize(
    ("file", "figure", "ours"),
    [("imaging_stage.py", "PHOTOS_AT_ONCE", PHOTOS_AT_ONCE), ("entries/cut.py", "CALLS_AT_ONCE", BATCH_SIZE)],
)
def test_a_stage_works_on_as_many_at_once_as_its_memory_is_made_for(file: str, figure: str, ours: int) -> None:
    """Read, not imported: importing an entry wires it to AWS."""
    (source,) = [Path(place) / file for place in dropcut.__path__]
    found = re.findall(rf"^{figure} = (\d+)|\bthreads=(\w+)", source.read_text(), re.MULTILINE)
    assert {number or name for number, name in found} == {str(ours), figure}


def test_max_concurrency_is_cuts(synthesize: Callable[..., Synthesized]) -> None:
    app = synthesize(max_concurrency=12)
    limits = [
        resource["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for resource in app.resources("Pipeline", "AWS::Lambda::EventSourceMapping").values()
    ]
    assert sorted(limits) == [10, 10, 12]


@pytest.mark.parametrize("stage", FUNCTIONS)
def test_a_function_has_the_variables_that_it_reads_and_no_others(app: Synthesized, stage: str) -> None:
    given = variables(app, stage)
    of_libraries = LIBRARIES | (set(GIVE_MEMORY_BACK) if stage == "Cut" else set())
    environment = ENVIRONMENTS[stage].read(given)
    assert set(given) == set(environment.to_variables()) | of_libraries
    assert given["POWERTOOLS_SERVICE_NAME"] == "dropcut-prod"
    assert given["POWERTOOLS_METRICS_NAMESPACE"] == "Dropcut"
    assert given["POWERTOOLS_LOG_LEVEL"] == "INFO"


CHANGED = Settings(
    provider="stability",
    api_base_url="http://127.0.0.1:8080",
    rate_limit_requests=99,
    rate_limit_seconds=7.5,
    lockout_seconds=30.5,
    credits_per_image=0.125,
    daily_credit_limit=12_345_678.5,
    input_prefix="in/",
    max_concurrency=3,
    api_timeout_seconds=33.25,
    max_attempts=4,
    max_possibly_paid=2,
    pause_after_failures=11,
    pause_after_possibly_paid=12,
    client_id="",
    client_version="3 of ours",
    client_user_id="folder",
    pace_table="Other-StateTable",
    retry_base_seconds=0.05,
    pause_seconds=61.5,
    keep_results_days=13,
    keep_jobs_days=77,
    hold_doubtful=True,
    held_days=12,
    max_photo_megapixels=33.5,
    max_photo_mib=44.5,
    max_frames=55,
    imaging_seconds=66.5,
    formats="jpeg,png",
    refuse_exposed=True,
    colour_profile="srgb",
    output_format="webp",
    renditions=read_renditions(["full", "amazon_main"]),
    webhook_url="https://shop.example/hook",
)
"""No value is a default, or whole where it need not be."""
SETTINGS_READ_BY = {"Prepare": 6, "Cut": 19, "Deliver": 11, "Gatekeeper": 0, "Feeder": 4, "Notify": 1}
"""How many: a field of an environment whose name is no setting's is not compared."""


@pytest.fixture(scope="module")
def changed_app(synthesize: Callable[..., Synthesized]) -> Synthesized:
    return synthesize(**{field.name: getattr(CHANGED, field.name) for field in fields(CHANGED)})


@pytest.mark.parametrize("stage", ENVIRONMENTS)
def test_a_function_reads_back_the_settings_and_its_real_timeout(changed_app: Synthesized, stage: str) -> None:
    environment = ENVIRONMENTS[stage].read(variables(changed_app, stage))
    read = asdict(environment)
    assert environment.function_seconds == function(changed_app, stage)["Timeout"]
    expected = settings_read_by(stage)
    if stage == "Deliver":  # more time, as its renditions are more; and "full" is a WebP
        expected |= {"imaging_seconds": 76.5, "renditions": read["renditions"]}
        assert read_renditions(read["renditions"]) == read_renditions(["full", "amazon_main"], full_format="webp")
    assert {name: read[name] for name in expected} == expected
    assert len(expected) == SETTINGS_READ_BY[stage]


def settings_read_by(stage: str) -> dict[str, Any]:
    names = [field.name for field in fields(ENVIRONMENTS[stage]) if hasattr(CHANGED, field.name)]
    return {name: getattr(CHANGED, name) for name in names}


def test_the_changed_settings_differ_from_the_defaults_where_a_function_reads_them() -> None:
    defaults = Settings()
    for stage in ENVIRONMENTS:
        for name, value in settings_read_by(stage).items():
            assert value != getattr(defaults, name), name


def test_a_functions_own_addresses_are_its_own_queues(app: Synthesized) -> None:
    for stage in STAGES:
        given = variables(app, stage)
        assert given["QUEUE_URL"] == f"<{stage}QueuesQueue>"
        assert given["DEAD_LETTER_QUEUE_URL"] == f"<{stage}QueuesDeadLetterQueue>"


def test_deliver_knows_the_roles_that_write_to_its_queue_and_decide_on_nothing(app: Synthesized) -> None:
    roles = written_out(function(app, "Deliver")["Environment"]["Variables"]["STAGE_ROLES"])
    assert roles == "<PrepareRole.RoleId>,<CutRole.RoleId>"


def test_logs_are_kept_for_30_days(app: Synthesized) -> None:
    groups = app.resources("Pipeline", "AWS::Logs::LogGroup")
    assert len(groups) == 5
    assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {30}
    used = {written_out(function(app, name)["LoggingConfig"]["LogGroup"]) for name in FUNCTIONS}
    assert used == {f"<{name}Logs>" for name in FUNCTIONS}


# ---- permissions


READ_STATE, READ_MANY, WRITE_STATE = "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"
ITEMS = {
    "Prepare": {READ_STATE: ["object#*"], WRITE_STATE: ["object#*"]},
    "Cut": {
        READ_MANY: ["object#*", "gate", "health#*"],
        READ_STATE: ["object#*", "gate"],  # as the version before does until its function is updated, after its role
        WRITE_STATE: ["object#*", "payment#*", "pace#*", "budget#*", "health#*", "gate"],
    },
    "Deliver": {READ_STATE: ["object#*"], WRITE_STATE: ["object#*"]},
    "Gatekeeper": {READ_STATE: ["gate", "health#*"], WRITE_STATE: ["gate", "health#*"]},
    "Feeder": {
        READ_STATE: ["backfills", "gate"],
        READ_MANY: ["backfill#*", "object#*"],
        WRITE_STATE: ["backfill#*"],
    },
}
"""Whoever decodes strangers' files has no business with payments, budget and gate."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gets_no_other_items_of_the_state_table_than_its_own(app: Synthesized, name: str) -> None:
    of_state = [s for s in statements(app, name) if written_out(as_list(s["Resource"])[0]) == "<StateTable.Arn>"]
    assert {s["Action"]: s["Condition"] for s in of_state} == {
        action: {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": items}} for action, items in ITEMS[name].items()
    }


CONSUME = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}
SECRET = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:dropcut-prod-api-key-??????"
FEEDER_RULE = "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:rule/DropcutprodPipelineFeederB6404960-Rule"
EVENT_SOURCE = "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:event-source-mapping:<CutEventSource>"


def any_function(name: str) -> dict[str, set[str]]:
    return {
        f"<{name}Logs.Arn>": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "<StateTable.Arn>": set(ITEMS[name]),
    }


def own(stage: str) -> dict[str, set[str]]:
    return {
        **any_function(stage),
        f"<{stage}QueuesQueue.Arn>": CONSUME,
        f"<{stage}QueuesDeadLetterQueue.Arn>": {"sqs:SendMessage"},
    }


READ_PHOTOS = {"s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"}
"""A bucket may become versioned at any time."""
TAG_PHOTOS = {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"}
ALLOWED = {
    "Prepare": {
        **own("Prepare"),
        "<InputBucket.Arn>/*": READ_PHOTOS,
        "<InputBucket.Arn>": {"s3:ListBucket"},
        "<WorkBucket.Arn>/prepared/*": {"s3:PutObject"},
        "<CutQueuesQueue.Arn>": {"sqs:SendMessage"},
        "<DeliverQueuesQueue.Arn>": {"sqs:SendMessage"},
    },
    "Cut": {
        **own("Cut"),
        "<WorkBucket.Arn>/prepared/*": {"s3:GetObject", "s3:DeleteObject"},
        "<WorkBucket.Arn>/paid/*": {"s3:GetObject", "s3:PutObject"},
        "<WorkBucket.Arn>": {"s3:ListBucket"},
        "<InputBucket.Arn>": {"s3:ListBucket"},  # was a waiting photo deleted?
        SECRET: {"secretsmanager:GetSecretValue"},
        "<DeliverQueuesQueue.Arn>": {"sqs:SendMessage"},
    },
    "Deliver": {
        **own("Deliver"),
        "<WorkBucket.Arn>/paid/*": {"s3:GetObject"},
        "<WorkBucket.Arn>": {"s3:ListBucket"},
        "<OutputBucket.Arn>/*": {"s3:PutObject", "s3:GetObject"},
        "<OutputBucket.Arn>/held/*": {"s3:DeleteObject"},
        "<StateTable.Arn>/index/held-by-time": {"dynamodb:Query"},
        "<OutputBucket.Arn>": {"s3:ListBucket"},
        "<InputBucket.Arn>/*": READ_PHOTOS | TAG_PHOTOS,
        "<InputBucket.Arn>": {"s3:ListBucket"},
        "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default": {"events:PutEvents"},
    },
    "Gatekeeper": {
        **any_function("Gatekeeper"),
        EVENT_SOURCE: {"lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"},
        "<CutCodeFunction.Arn>": {"lambda:InvokeFunction"},
        "<CutQueuesQueue.Arn>": CONSUME,
        "<CutQueuesDeadLetterQueue.Arn>": {"sqs:SendMessage"},  # what waited too long behind the gate
        "<DeliverQueuesQueue.Arn>": {"sqs:SendMessage"},
        SECRET: {"secretsmanager:GetSecretValue"},  # a new key is tried at once
    },
    "Feeder": {
        **any_function("Feeder"),
        "<InputBucket.Arn>": {"s3:ListBucket"},
        "<WorkBucket.Arn>/backfills/*": {"s3:GetObject"},
        "<WorkBucket.Arn>": {"s3:ListBucket"},
        "<PrepareQueuesQueue.Arn>": {"sqs:SendMessage", "sqs:GetQueueAttributes"},
        "<CutQueuesQueue.Arn>": {"sqs:GetQueueAttributes"},
        FEEDER_RULE: {"events:DisableRule", "events:EnableRule"},
        "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default": {"events:PutEvents"},
    },
}


def statements(app: Synthesized, stage: str) -> list[Any]:
    role = app.properties("Pipeline", "AWS::IAM::Role", f"{stage}Role")
    assert "ManagedPolicyArns" not in role
    return [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]


def allowed(app: Synthesized, stage: str) -> dict[str, set[str]]:
    """Actions by resource."""
    table: dict[str, set[str]] = {}
    for statement in statements(app, stage):
        assert statement["Effect"] == "Allow"
        for resource in as_list(statement["Resource"]):
            table.setdefault(written_out(resource), set()).update(as_list(statement["Action"]))
    return table


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("stage", FUNCTIONS)
def test_a_role_allows_exactly_what_its_function_does(app: Synthesized, stage: str) -> None:
    assert allowed(app, stage) == ALLOWED[stage]


def test_only_where_there_is_a_daily_limit_the_feeder_may_see_what_is_spent(
    synthesize: Callable[..., Synthesized],
) -> None:
    """It is counted by the API key's fingerprint."""
    limited = synthesize(daily_credit_limit=100.0)
    assert allowed(limited, "Feeder") == ALLOWED["Feeder"] | {SECRET: {"secretsmanager:GetSecretValue"}}
    (reads,) = (each for each in statements(limited, "Feeder") if each["Action"] == READ_STATE)
    assert reads["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == ["backfills", "gate", "budget#*"]


def test_a_versioned_input_and_a_prefix_change_only_what_is_allowed_on_photos(
    full_app: Synthesized,
) -> None:
    for stage, reading in (
        ("Prepare", {"s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"}),
        (
            "Deliver",
            {
                "s3:GetObject",
                "s3:GetObjectTagging",
                "s3:PutObjectTagging",
                "s3:GetObjectVersion",
                "s3:GetObjectVersionTagging",
                "s3:PutObjectVersionTagging",
            },
        ),
    ):
        expected = {arn.replace("dropcut-prod", "dropcut-full"): actions for arn, actions in ALLOWED[stage].items()}
        del expected["<InputBucket.Arn>/*"]
        expected["<InputBucket.Arn>/in/*"] = reading
        assert allowed(full_app, stage) == expected


def test_events_are_published_under_our_own_name_only(app: Synthesized) -> None:
    publish = [s for s in statements(app, "Deliver") if s["Action"] == "events:PutEvents"]
    named = {"events:source": "dropcut", "events:detail-type": list(EVENTS.values())}
    ours = {"ForAllValues:StringEquals": named, "Null": dict.fromkeys(named, "false")}
    assert [s["Condition"] for s in publish] == [ours]


def test_the_function_that_decodes_photos_can_request_none(app: Synthesized) -> None:
    (publish,) = (s for s in statements(app, "Deliver") if s["Action"] == "events:PutEvents")
    simulations = [
        {
            "request": {
                "principal": "arn:aws:iam::111122223333:role/deliver",
                "action": "events:PutEvents",
                "resource": {
                    "resource": "arn:aws:events:eu-central-1:111122223333:event-bus/default",
                    "accountId": "111122223333",
                },
                "contextVariables": {"events:source": ["dropcut"], "events:detail-type": [detail_type]},
            },
            "identityPolicies": [
                {"name": "own", "policy": {"Version": "2012-10-17", "Statement": {**publish, "Resource": "*"}}}
            ],
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }
        for detail_type in ("Cutout Delivered", "Cutout Requested")
    ]
    assert judged(simulations) == ["Allowed", "ImplicitlyDenied"]


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({}, "2,592,000 credits a day"),
        ({"provider": "stability", "rate_limit_requests": 1, "rate_limit_seconds": 2.0}, "216,000 credits a day"),
        ({"daily_credit_limit": 500.0}, ""),
        ({"bundle_for": "this_machine"}, ""),
    ],
    ids=str,
)
def test_a_synth_without_a_ceiling_warns(
    synthesize: Callable[..., Synthesized], settings: dict[str, Any], warned: str
) -> None:
    """Not where no real money is spent."""
    said = " ".join(
        str(entry["data"])
        for file in synthesize(**settings).folder.glob("*.json")
        for entries in json.loads(file.read_text()).values()
        if file.name.endswith(".metadata.json")
        for entry in entries
        if entry["type"] == "aws:cdk:warning"
    )
    assert ("daily_credit_limit" in said) is bool(warned)
    assert warned in said


def test_no_policy_but_the_roles_own_and_no_wildcard_action_anywhere(app: Synthesized) -> None:
    assert not app.resources("Pipeline", "AWS::IAM::Policy")
    assert not app.resources("Pipeline", "AWS::IAM::ManagedPolicy")
    for stage in FUNCTIONS:
        assert not [a for s in statements(app, stage) for a in as_list(s["Action"]) if "*" in a or "?" in a]


# ---- uploads


def rule(app: Synthesized) -> Any:
    return app.properties("Pipeline", "AWS::Events::Rule", "UploadsRule")


def test_new_objects_of_the_input_bucket_go_to_prepare(app: Synthesized) -> None:
    pattern = rule(app)["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert [written_out(name) for name in pattern["detail"]["bucket"]["name"]] == ["<InputBucket>"]
    assert "object" not in pattern["detail"]
    (target,) = rule(app)["Targets"]
    assert written_out(target["Arn"]) == "<PrepareQueuesQueue.Arn>"
    assert written_out(target["DeadLetterConfig"]["Arn"]) == "<PrepareQueuesDeadLetterQueue.Arn>"


def test_a_prefix_is_filtered_before_anything_runs(full_app: Synthesized) -> None:
    assert rule(full_app)["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "in/"}]}
    (source,) = read_sources(variables(full_app, "Prepare")["INPUTS"])
    assert source == PhotoSource(bucket="<InputBucket>", prefix="in/")


def test_a_rule_may_send_only_where_its_target_is(app: Synthesized) -> None:
    senders = [
        statement
        for policy in app.resources("Pipeline", "AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert [
        (written_out(s["Resource"]), [written_out(arn) for arn in s["Condition"]["ArnEquals"]["aws:SourceArn"]])
        for s in sorted(senders, key=lambda s: written_out(s["Resource"]))
    ] == [
        ("<DeliverQueuesQueue.Arn>", ["<HeldRule.Arn>"]),
        ("<PrepareQueuesDeadLetterQueue.Arn>", ["<RequestsRule.Arn>", "<UploadsRule.Arn>"]),
        ("<PrepareQueuesQueue.Arn>", ["<RequestsRule.Arn>", "<UploadsRule.Arn>"]),
    ]
    for statement in senders:
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"


def test_deliver_is_asked_every_hour_to_end_what_is_held_for_too_long(app: Synthesized) -> None:
    rule = app.properties("Pipeline", "AWS::Events::Rule", "HeldRule")
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    (target,) = rule["Targets"]
    assert written_out(target["Arn"]) == "<DeliverQueuesQueue.Arn>"
    assert read_deliver_message(target["Input"]) == EndOldHeld()


# ---- the secret


def test_the_secret_has_a_name_and_no_value(app: Synthesized) -> None:
    secret = app.properties("Pipeline", "AWS::SecretsManager::Secret", "ApiKey")
    assert secret["Name"] == "dropcut-prod-api-key"
    assert "SecretString" not in secret
    assert "GenerateSecretString" not in secret


# ---- the gate


def test_the_gatekeeper_is_woken_once_a_minute_and_by_nothing_else(app: Synthesized) -> None:
    rules = {name: r["Properties"] for name, r in app.resources("Pipeline", "AWS::Events::Rule").items()}
    waking = {
        name: properties
        for name, properties in rules.items()
        if "<GatekeeperCodeFunction.Arn>" in [written_out(target["Arn"]) for target in properties["Targets"]]
    }
    (every_minute,) = waking.values()
    assert every_minute["ScheduleExpression"] == "rate(1 minute)"
    assert "EventPattern" not in every_minute
    permission = app.properties("Pipeline", "AWS::Lambda::Permission", "GatekeeperEveryMinuteMayInvoke")
    assert permission["SourceArn"] == {"Fn::GetAtt": [next(iter(waking)), "Arn"]}


@pytest.mark.parametrize("name", ["Gatekeeper", "Feeder"])
def test_nobody_repeats_what_runs_each_minute(app: Synthesized, name: str) -> None:
    """The gatekeeper may have made a paid call, the feeder has sent photos; and the next minute goes on."""
    every_minute = app.properties("Pipeline", "AWS::Events::Rule", f"{name}EveryMinute")
    assert [target["RetryPolicy"] for target in every_minute["Targets"]] == [{"MaximumRetryAttempts": 0}]
    invoked = app.properties("Pipeline", "AWS::Lambda::EventInvokeConfig", f"{name}CodeFunction")
    assert written_out(invoked["FunctionName"]) == f"<{name}CodeFunction>"
    assert invoked["MaximumRetryAttempts"] == 0


# ---- back-fills


def test_the_feeder_sleeps_until_it_is_told_by_the_name_that_it_knows_itself(app: Synthesized) -> None:
    rule = app.properties("Pipeline", "AWS::Events::Rule", "FeederEveryMinute")
    assert (rule["State"], rule["ScheduleExpression"]) == ("DISABLED", "rate(1 minute)")
    assert rule["Name"] == variables(app, "Feeder")["RULE_NAME"]
    assert rule["Name"] == app.templates["Pipeline"]["Outputs"]["BackfillRuleName"]["Value"]
    assert len(rule["Name"]) <= 64
    permission = app.properties("Pipeline", "AWS::Lambda::Permission", "FeederEveryMinuteMayInvoke")
    assert written_out(permission["SourceArn"]).startswith("<FeederEveryMinute")


def test_the_feeder_is_done_before_it_is_woken_again(app: Synthesized) -> None:
    assert SECONDS_FOR_A_PAGE < function(app, "Feeder")["Timeout"] < 60


def test_each_function_is_updated_after_the_one_that_reads_its_messages(app: Synthesized) -> None:
    """A message may have a new field, which the function of the version before does not know."""
    functions = app.resources("Pipeline", "AWS::Lambda::Function")
    of = {stage: next(name for name in functions if name.startswith(f"{stage}Code")) for stage in STAGES}
    assert of["Deliver"] in functions[of["Cut"]]["DependsOn"]
    assert of["Cut"] in functions[of["Prepare"]]["DependsOn"]


def test_a_deployment_never_turns_the_event_source_on(app: Synthesized) -> None:
    """Nothing is said about `Enabled`, so an update leaves a closed gate as it is."""
    for source in app.resources("Pipeline", "AWS::Lambda::EventSourceMapping").values():
        assert "Enabled" not in source["Properties"]


def test_a_shared_pace_is_all_that_another_stacks_table_is_used_for(synthesize: Callable[..., Synthesized]) -> None:
    app = synthesize(pace_table="Other-StateTable")
    assert function(app, "Cut")["Environment"]["Variables"]["PACE_TABLE"] == "Other-StateTable"
    shared = [s for s in statements(app, "Cut") if s["Sid"] == "SharePace"]
    assert [written_out(s["Resource"]).rpartition("/")[2] for s in shared] == ["Other-StateTable"]
    assert [s["Action"] for s in shared] == ["dynamodb:UpdateItem"]
    assert [s["Condition"] for s in shared] == [{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["pace#*"]}}]
