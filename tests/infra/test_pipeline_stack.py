"""The pipeline: queues that lose nothing, functions that may do exactly their work, uploads that reach the first."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from dropcut import entries
from dropcut.core.rendition_setting import read_renditions
from dropcut.environment import (
    CutEnvironment,
    DeliverEnvironment,
    Environment,
    GatekeeperEnvironment,
    PrepareEnvironment,
)

from infra.settings import PHOTOS_AT_ONCE, Settings, SettingsError
from infra.stage import BATCH_SIZE

from .synthesized import Synthesized, written_out

STAGES = ("Prepare", "Cut", "Deliver")
FUNCTIONS = (*STAGES, "Gatekeeper")
FOURTEEN_DAYS = 14 * 24 * 3600


def queue(app: Synthesized, stage: str) -> Any:
    return app.properties("Pipeline", "AWS::SQS::Queue", f"{stage}QueuesQueue")


def function(app: Synthesized, stage: str) -> Any:
    return app.properties("Pipeline", "AWS::Lambda::Function", f"{stage}Code")


# ---- queues


def test_every_queue_has_a_dead_letter_queue_of_its_own(app: Synthesized) -> None:
    assert len(app.resources("Pipeline", "AWS::SQS::Queue")) == 6
    for stage, receives in (("Prepare", 15), ("Cut", 1000), ("Deliver", 15)):
        redrive = queue(app, stage)["RedrivePolicy"]
        assert written_out(redrive["deadLetterTargetArn"]) == f"<{stage}QueuesDeadLetterQueue.Arn>"
        assert redrive["maxReceiveCount"] == receives


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


@pytest.mark.parametrize("api_timeout_seconds", [1.0, 65.0, 300.5])
def test_visibility_is_six_times_the_timeout(
    synthesize: Callable[..., Synthesized], api_timeout_seconds: float
) -> None:
    app = synthesize(api_timeout_seconds=api_timeout_seconds)
    for stage in STAGES:
        assert queue(app, stage)["VisibilityTimeout"] == 6 * function(app, stage)["Timeout"]


# ---- functions


def test_the_functions(app: Synthesized) -> None:
    for stage, memory_mb in (("Prepare", 2720), ("Cut", 1024), ("Deliver", 2720)):
        properties = function(app, stage)
        assert properties["Handler"] == f"dropcut.entries.{stage.lower()}.handler"
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["arm64"]
        assert properties["MemorySize"] == memory_mb
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert "ReservedConcurrentExecutions" not in properties


def test_prepare_has_the_disc_and_the_time_that_the_settings_ask_for(synthesize: Callable[..., Synthesized]) -> None:
    prepare = function(synthesize(max_photo_megapixels=50, imaging_seconds=20.0), "Prepare")
    settings = Settings(max_photo_megapixels=50, imaging_seconds=20.0)
    assert prepare["MemorySize"] == settings.prepare_memory_mb
    assert prepare["EphemeralStorage"] == {"Size": settings.prepare_disc_mb}
    assert prepare["Timeout"] == settings.prepare_timeout_seconds
    assert prepare["Environment"]["Variables"]["IMAGING_MEMORY_MIB"] == str(settings.imaging_memory_mib)


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
    told = deliver["Environment"]["Variables"]
    assert read_renditions(told["RENDITIONS"]) == read_renditions(["full", "amazon_main"], full_format="webp")
    assert told["COLOUR_PROFILE"] == "srgb"
    assert told["IMAGING_MEMORY_MIB"] == str(settings.deliver_imaging_memory_mib)
    assert told["IMAGING_SECONDS"] == "30"  # 20 and 10 for the second rendition
    assert deliver["MemorySize"] == settings.deliver_memory_mb > 2 * settings.deliver_imaging_memory_mib
    assert deliver["EphemeralStorage"] == {"Size": settings.deliver_disc_mb}
    assert deliver["Timeout"] == settings.deliver_timeout_seconds


def test_the_api_is_asked_for_png_whatever_the_cutouts_are_delivered_as(
    synthesize: Callable[..., Synthesized],
) -> None:
    cut = function(synthesize(output_format="webp"), "Cut")
    assert cut["Environment"]["Variables"]["OUTPUT_FORMAT"] == "png"


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


def test_cut_runs_longer_than_its_longest_call(synthesize: Callable[..., Synthesized]) -> None:
    for seconds in (1.0, 65.0):
        assert function(synthesize(api_timeout_seconds=seconds), "Cut")["Timeout"] > 2 * seconds


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
    ("entry", "figure", "ours"),
    [
        ("prepare", r"\bthreads=(\d+)", PHOTOS_AT_ONCE),
        ("deliver", r"\bthreads=(\d+)", PHOTOS_AT_ONCE),
        ("cut", r"^CALLS_AT_ONCE = (\d+)", BATCH_SIZE),
    ],
)
def test_an_entry_works_on_as_many_at_once_as_its_memory_and_its_batch_are_made_for(
    entry: str, figure: str, ours: int
) -> None:
    """Read, not imported: importing an entry wires it to AWS."""
    (file,) = [Path(place) / f"{entry}.py" for place in entries.__path__]
    assert [int(found) for found in re.findall(figure, file.read_text(), re.MULTILINE)] == [ours]


def test_max_concurrency_is_cuts(synthesize: Callable[..., Synthesized]) -> None:
    app = synthesize(max_concurrency=12)
    limits = [
        resource["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for resource in app.resources("Pipeline", "AWS::Lambda::EventSourceMapping").values()
    ]
    assert sorted(limits) == [10, 10, 12]


@pytest.mark.parametrize(
    ("stage", "environment"),
    [
        ("Prepare", PrepareEnvironment),
        ("Cut", CutEnvironment),
        ("Deliver", DeliverEnvironment),
        ("Gatekeeper", GatekeeperEnvironment),
    ],
)
def test_a_function_is_told_what_its_environment_class_reads(
    app: Synthesized, stage: str, environment: type[Environment]
) -> None:
    told = function(app, stage)["Environment"]["Variables"]
    ours = {name: value for name, value in told.items() if not name.startswith(("POWERTOOLS_", "MALLOC_"))}
    assert set(ours) == {field.name.upper() for field in fields(environment)}
    environment.read({name: value if isinstance(value, str) else "known at deployment" for name, value in ours.items()})
    assert told["POWERTOOLS_SERVICE_NAME"] == "dropcut-prod"
    assert told["POWERTOOLS_METRICS_NAMESPACE"] == "Dropcut"
    assert told["POWERTOOLS_LOG_LEVEL"] == "INFO"


def test_settings_reach_the_paid_call_with_their_values_whole(synthesize: Callable[..., Synthesized]) -> None:
    app = synthesize(
        provider="stability", daily_credit_limit=12345678.5, credits_per_image=5.0, retry_base_seconds=0.05
    )
    told = function(app, "Cut")["Environment"]["Variables"]
    assert told["PROVIDER"] == "stability"
    assert told["API_BASE_URL"] == "https://api.stability.ai"
    assert float(told["DAILY_CREDIT_LIMIT"]) == 12345678.5
    assert (told["CREDITS_PER_IMAGE"], told["RETRY_BASE_SECONDS"]) == ("5", "0.05")


def test_a_functions_own_addresses_are_its_own_queues(app: Synthesized) -> None:
    for stage in STAGES:
        told = function(app, stage)["Environment"]["Variables"]
        assert written_out(told["QUEUE_URL"]) == f"<{stage}QueuesQueue>"
        assert written_out(told["DEAD_LETTER_QUEUE_URL"]) == f"<{stage}QueuesDeadLetterQueue>"


def test_logs_are_kept_for_30_days(app: Synthesized) -> None:
    groups = app.resources("Pipeline", "AWS::Logs::LogGroup")
    assert len(groups) == 4
    assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {30}
    used = {written_out(function(app, name)["LoggingConfig"]["LogGroup"]) for name in FUNCTIONS}
    assert used == {f"<{name}Logs>" for name in FUNCTIONS}


# ---- permissions


@pytest.mark.parametrize(
    ("name", "read", "written"),
    [
        ("Prepare", [], ["object#*"]),
        ("Cut", ["object#*", "gate"], ["payment#*", "pace#*", "budget#*", "gate"]),
        ("Deliver", ["object#*"], ["object#*"]),
        ("Gatekeeper", ["gate"], ["gate"]),
    ],
)
def test_a_function_gets_no_other_items_of_the_state_table_than_its_own(
    app: Synthesized, name: str, read: list[str], written: list[str]
) -> None:
    (role,) = [
        role["Properties"]
        for logical_id, role in app.resources("Pipeline", "AWS::IAM::Role").items()
        if logical_id.startswith(f"{name}Role")
    ]
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    state = {s["Action"]: s["Condition"] for s in statements if s["Sid"] in ("ReadState", "WriteState")}
    expected = {"dynamodb:GetItem": read, "dynamodb:UpdateItem": written}
    assert state == {
        action: {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": items}}
        for action, items in expected.items()
        if items
    }


CONSUME = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}
SECRET = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:dropcut-prod-api-key-??????"
EVENT_SOURCE = "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:event-source-mapping:<CutEventSource>"


def any_function(name: str) -> dict[str, set[str]]:
    return {
        f"<{name}Logs.Arn>": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
        "<StateTable.Arn>": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    }


def own(stage: str) -> dict[str, set[str]]:
    return {
        **any_function(stage),
        f"<{stage}QueuesQueue.Arn>": CONSUME,
        f"<{stage}QueuesDeadLetterQueue.Arn>": {"sqs:SendMessage"},
    }


ALLOWED = {
    "Prepare": {
        **own("Prepare"),
        "<StateTable.Arn>": {"dynamodb:UpdateItem"},
        "<InputBucket.Arn>/*": {"s3:GetObject", "s3:GetObjectTagging"},
        "<InputBucket.Arn>": {"s3:ListBucket"},
        "<WorkBucket.Arn>/prepared/*": {"s3:PutObject"},
        "<CutQueuesQueue.Arn>": {"sqs:SendMessage"},
        "<DeliverQueuesQueue.Arn>": {"sqs:SendMessage"},
    },
    "Cut": {
        **own("Cut"),
        "<WorkBucket.Arn>/prepared/*": {"s3:GetObject"},
        "<WorkBucket.Arn>/paid/*": {"s3:GetObject", "s3:PutObject"},
        "<WorkBucket.Arn>": {"s3:ListBucket"},
        SECRET: {"secretsmanager:GetSecretValue"},
        "<DeliverQueuesQueue.Arn>": {"sqs:SendMessage"},
    },
    "Deliver": {
        **own("Deliver"),
        "<WorkBucket.Arn>/paid/*": {"s3:GetObject"},
        "<WorkBucket.Arn>": {"s3:ListBucket"},
        "<OutputBucket.Arn>/*": {"s3:PutObject", "s3:GetObject"},
        "<OutputBucket.Arn>": {"s3:ListBucket"},
        "<InputBucket.Arn>/*": {"s3:GetObject", "s3:GetObjectTagging", "s3:PutObjectTagging"},
        "<InputBucket.Arn>": {"s3:ListBucket"},
        "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default": {"events:PutEvents"},
    },
    "Gatekeeper": {
        **any_function("Gatekeeper"),
        EVENT_SOURCE: {"lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"},
        "<CutCodeFunction.Arn>": {"lambda:InvokeFunction"},
        "<CutQueuesQueue.Arn>": CONSUME,
        "<DeliverQueuesQueue.Arn>": {"sqs:SendMessage"},
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


def test_a_versioned_input_and_a_prefix_change_what_is_allowed_on_photos_and_nothing_else(
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
        expected = {**ALLOWED[stage], "<InputBucket.Arn>/in/*": reading}
        del expected["<InputBucket.Arn>/*"]
        assert allowed(full_app, stage) == expected


def test_events_are_published_under_our_own_name_only(app: Synthesized) -> None:
    publish = [s for s in statements(app, "Deliver") if s["Action"] == "events:PutEvents"]
    assert [s["Condition"] for s in publish] == [{"StringEqualsIfExists": {"events:source": "dropcut"}}]


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
    assert function(full_app, "Prepare")["Environment"]["Variables"]["INPUT_PREFIX"] == "in/"


def test_only_that_rule_may_send_to_the_intake_and_its_dead_letter_queue(app: Synthesized) -> None:
    senders = [
        statement
        for policy in app.resources("Pipeline", "AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert {written_out(s["Resource"]) for s in senders} == {
        "<PrepareQueuesQueue.Arn>",
        "<PrepareQueuesDeadLetterQueue.Arn>",
    }
    for statement in senders:
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        assert written_out(statement["Condition"]["ArnEquals"]["aws:SourceArn"]) == "<UploadsRule.Arn>"


# ---- the secret


def test_the_secret_has_a_name_and_no_value(app: Synthesized) -> None:
    secret = app.properties("Pipeline", "AWS::SecretsManager::Secret", "ApiKey")
    assert secret["Name"] == "dropcut-prod-api-key"
    assert "SecretString" not in secret
    assert "GenerateSecretString" not in secret


# ---- the gate


def test_the_gatekeeper_is_woken_when_spending_is_paused_and_once_a_minute(app: Synthesized) -> None:
    paused = app.properties("Pipeline", "AWS::Events::Rule", "GatekeeperWhenPaused")
    assert paused["EventPattern"] == {
        "source": ["dropcut"],
        "detail-type": ["Spending Paused"],
        "detail": {"service": ["dropcut-prod"]},
    }
    assert "ScheduleExpression" not in paused
    every_minute = app.properties("Pipeline", "AWS::Events::Rule", "GatekeeperEveryMinute")
    assert every_minute["ScheduleExpression"] == "rate(1 minute)"
    for rule_ in (paused, every_minute):
        assert [written_out(target["Arn"]) for target in rule_["Targets"]] == ["<GatekeeperCodeFunction.Arn>"]
    permissions = [p["Properties"] for p in app.resources("Pipeline", "AWS::Lambda::Permission").values()]
    assert {written_out(p["SourceArn"]) for p in permissions} == {
        "<GatekeeperWhenPaused.Arn>",
        "<GatekeeperEveryMinute.Arn>",
    }


def test_the_gatekeeper_outlives_a_probe(app: Synthesized) -> None:
    assert function(app, "Gatekeeper")["Timeout"] > function(app, "Cut")["Timeout"]


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
    assert [s["Condition"] for s in shared] == [{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "pace#*"}}]
