"""Webhooks: a queue, a function that may do its work and no more, and a secret; nothing of it unless asked for."""

import json
import re
import string
from collections.abc import Callable
from typing import Any

import pytest
from dropcut.core.webhook import EVENTS, SigningKey
from dropcut.environment import AWS_CALL_SECONDS, SECONDS_TO_BEGIN, WEBHOOK_SECONDS, NotifyEnvironment

from infra.settings import Settings

from .synthesized import Synthesized, written_out

ALLOWED = {
    "<NotifyLogs.Arn>": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "<NotifySecret.Id>": {"secretsmanager:GetSecretValue"},
    "<StateTable.Arn>": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    "<NotifyQueuesQueue.Arn>": {
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility")
    },
    "<NotifyQueuesDeadLetterQueue.Arn>": {"sqs:SendMessage"},
    "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default": {"events:PutEvents"},
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(app: Synthesized) -> list[Any]:
    role = app.properties("Pipeline", "AWS::IAM::Role", "NotifyRole")
    return [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]


@pytest.fixture
def environment(full_app: Synthesized) -> NotifyEnvironment:
    function = full_app.properties("Pipeline", "AWS::Lambda::Function", "NotifyCode")
    texts = {name: written_out(value) for name, value in function["Environment"]["Variables"].items()}
    assert texts["RES_OPTIONS"] == "timeout:2 attempts:2"
    assert int(texts["FUNCTION_SECONDS"]) == function["Timeout"]
    return NotifyEnvironment.read(texts)


def test_without_a_url_there_is_nothing_of_it(app: Synthesized) -> None:
    for stack, template in app.templates.items():
        assert not re.search("notify|webhook", json.dumps(template), re.IGNORECASE), stack


def test_the_role_allows_exactly_what_the_function_does(full_app: Synthesized) -> None:
    allowed: dict[str, set[str]] = {}
    for statement in statements(full_app):
        assert statement["Effect"] == "Allow"
        for resource in as_list(statement["Resource"]):
            allowed.setdefault(written_out(resource), set()).update(as_list(statement["Action"]))
    assert allowed == ALLOWED


def test_it_knows_one_item_of_the_state_table_and_publishes_one_event(full_app: Synthesized) -> None:
    conditions = {s["Sid"]: s["Condition"] for s in statements(full_app) if "Condition" in s}
    item = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["webhook"]}}
    event = {
        "ForAllValues:StringEquals": {"events:source": "dropcut", "events:detail-type": ["Webhook Disabled"]},
        "Null": {"events:source": "false", "events:detail-type": "false"},
    }
    assert conditions == {"ReadState": item, "WriteState": item, "Publish": event}


def test_the_function_has_its_own_queues_its_secret_and_the_url(environment: NotifyEnvironment) -> None:
    assert environment.webhook_url == "https://shop.example/hook?token=1"
    assert environment.webhook_secret == "<NotifySecret.Id>"
    assert environment.queue_url == "<NotifyQueuesQueue>"
    assert environment.dead_letter_queue_url == "<NotifyQueuesDeadLetterQueue>"


def test_a_batch_can_begin_make_its_try_and_say_what_came_of_it(
    full_app: Synthesized, environment: NotifyEnvironment
) -> None:
    assert environment.function_seconds >= SECONDS_TO_BEGIN + environment.needed_seconds
    assert environment.needed_seconds >= WEBHOOK_SECONDS + AWS_CALL_SECONDS
    queue = full_app.properties("Pipeline", "AWS::SQS::Queue", "NotifyQueuesQueue")
    assert queue["VisibilityTimeout"] == 6 * environment.function_seconds


def test_sqs_gives_no_webhook_up_before_the_function_does(full_app: Synthesized) -> None:
    queue = full_app.properties("Pipeline", "AWS::SQS::Queue", "NotifyQueuesQueue")
    assert queue["RedrivePolicy"]["maxReceiveCount"] > 50
    assert queue["MessageRetentionPeriod"] == 14 * 86_400


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (None, ["Cutout Delivered", "Cutout Rejected", "Cutout Failed", "Cutout Held"]),
        (list(EVENTS), list(EVENTS.values())),
    ],
)
def test_the_rule_sends_the_chosen_events_of_this_deployment(
    synthesize: Callable[..., Synthesized], chosen: list[str] | None, names: list[str]
) -> None:
    app = synthesize(webhook_url="https://shop.example", **({"webhook_events": chosen} if chosen else {}))
    rule = app.properties("Pipeline", "AWS::Events::Rule", "NotifyEventsRule")
    assert rule["EventPattern"] == {
        "source": ["dropcut"],
        "account": [{"Ref": "AWS::AccountId"}],
        "detail-type": names,
        "detail": {"service": ["dropcut-prod"]},
    }
    (target,) = rule["Targets"]
    assert written_out(target["Arn"]) == "<NotifyQueuesQueue.Arn>"
    assert written_out(target["DeadLetterConfig"]["Arn"]) == "<NotifyQueuesDeadLetterQueue.Arn>"


def test_the_secret_that_is_generated_can_sign_as_it_is(full_app: Synthesized) -> None:
    generated = full_app.properties("Pipeline", "AWS::SecretsManager::Secret", "NotifySecret")["GenerateSecretString"]
    assert (generated["SecretStringTemplate"], generated["GenerateStringKey"]) == ("{}", "current")
    assert generated["ExcludePunctuation"] and set(generated["ExcludeCharacters"]) == set(string.punctuation)
    assert not generated.get("IncludeSpace")
    assert len(SigningKey.read("z" * generated["PasswordLength"]).value) >= 32


def test_an_alarm_counts_webhooks_that_nobody_took(full_app: Synthesized) -> None:
    alarm = full_app.properties("Monitoring", "AWS::CloudWatch::Alarm", "DeadLettersNotify")
    assert "NotifyQueuesDeadLetterQueue" in json.dumps(alarm["Dimensions"])
    assert "events that their receiver has not taken" in alarm["AlarmDescription"]


def test_the_operators_commands_find_its_queues_and_its_secret(full_app: Synthesized) -> None:
    outputs = {"NotifyQueueUrl", "NotifyDeadLetterQueueUrl", "WebhookSecretArn"}
    assert outputs <= set(full_app.templates["Pipeline"]["Outputs"])


def test_its_parts_are_at_hand_in_anybodys_app() -> None:
    from aws_cdk import App, Stack

    from dropcut_cdk import Dropcut

    stack = Stack(App(context={"aws:cdk:bundling-stacks": []}), "Shop")
    cutouts = Dropcut(stack, "Cutouts", webhook_url="https://shop.example/hook")
    assert "notify" in cutouts.queues.keys() & cutouts.dead_letter_queues.keys() & cutouts.functions.keys()
    assert cutouts.webhook_secret is not None
    assert Dropcut(stack, "Others").webhook_secret is None


def test_an_app_that_is_tried_out_sends_its_webhooks_to_this_machine() -> None:
    from aws_cdk import App, Stack

    from dropcut_cdk import Dropcut

    context = {
        "aws:cdk:bundling-stacks": [],
        "dropcut:bundle_for": "this_machine",
        "dropcut:webhook_url": "http://127.0.0.1:8090/",
    }
    cutouts = Dropcut(Stack(App(context=context), "Shop"), "Cutouts", webhook_url="https://shop.example/hook")
    assert cutouts.props.webhook_url == "http://127.0.0.1:8090/"


def test_the_default_events_are_among_those_that_can_be_sent() -> None:
    assert set(Settings().webhook_events) <= set(EVENTS)
