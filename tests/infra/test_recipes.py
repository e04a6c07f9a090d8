"""Each block of docs/recipes.md, and the one of README.md, synthesized as it stands there."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dropcut_cli.clone.places import REPOSITORY

from .recipes import FIRST, REQUESTS, SLACK, recipes
from .synthesized import written_out

RECIPES = recipes()
MADE = {
    "Act on each cut-out": {"AWS::DynamoDB::GlobalTable": 1},
    "Send an e-mail when a photo is rejected": {"AWS::SNS::Topic": 1},
    SLACK: {"AWS::Events::Connection": 1, "AWS::Events::ApiDestination": 1},
    "Chain into another bucket": {"AWS::S3::Bucket": 1},
    REQUESTS: {"AWS::Events::EventBus": 1, "AWS::Events::EventBusPolicy": 1},
    "Feed Amazon's listings": {"AWS::SecretsManager::Secret": 1},
}
"""What each recipe has more of than the first block, by the type of the resource."""


@pytest.fixture
def resources_with(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """The resources of a stack with the first block and a recipe's, by logical id."""
    from aws_cdk import App, Stack

    def resources_with(heading: str) -> dict[str, Any]:
        app = App(outdir=str(tmp_path / heading), context={"aws:cdk:bundling-stacks": []})
        code = "\n".join(dict.fromkeys([RECIPES[FIRST], RECIPES[heading]]))
        exec(compile(code, heading, "exec"), {"self": Stack(app, "Shop")})
        app.synth()
        resources: dict[str, Any] = json.loads((tmp_path / heading / "Shop.template.json").read_text())["Resources"]
        return resources

    return resources_with


def test_the_readmes_block_can_be_synthesized_as_it_stands(tmp_path: Path) -> None:
    from aws_cdk import App, Stack
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_s3 as s3

    (block,) = re.findall(r"^```python\n(.*?)^```$", (REPOSITORY / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    app = App(outdir=str(tmp_path), context={"aws:cdk:bundling-stacks": []})
    stack = Stack(app, "Shop")
    role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
    exec(compile(block, "README.md", "exec"), {"self": stack, "my_bucket": s3.Bucket(stack, "Mine"), "my_role": role})
    app.synth()
    resources: dict[str, Any] = json.loads((tmp_path / "Shop.template.json").read_text())["Resources"]
    allowed = [
        policy["PolicyDocument"]
        for policy in kind_of(resources, "AWS::IAM::Policy")
        if policy["Roles"] == [{"Ref": stack.get_logical_id(role.node.default_child)}]
    ]
    assert "/uploads/*" in json.dumps(allowed)


def test_the_block_with_ones_own_buckets_can_be_synthesized_as_it_stands(tmp_path: Path) -> None:
    from aws_cdk import App, Stack, aws_events_targets
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk import aws_sns as sns

    from dropcut_cdk import Dropcut, Input, Provider

    page = (REPOSITORY / "docs" / "construct.md").read_text()
    (block,) = re.findall(r"^```python\n(cutouts = .*?)^```$", page, re.DOTALL | re.MULTILINE)
    app = App(outdir=str(tmp_path), context={"aws:cdk:bundling-stacks": []})
    stack = Stack(app, "Shop")
    code = lambda_.InlineCode("def handler(*_): pass")
    names = {
        **{"Dropcut": Dropcut, "Input": Input, "Provider": Provider, "targets": aws_events_targets, "self": stack},
        **{name: s3.Bucket(stack, name) for name in ("photos", "shop", "other_bucket")},
        "secret": secretsmanager.Secret(stack, "Secret"),
        "topic": sns.Topic(stack, "Topic"),
        "role": iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()),
        "index": lambda_.Function(stack, "F", runtime=lambda_.Runtime.PYTHON_3_13, handler="index.handler", code=code),
    }
    exec(compile(block, "construct.md", "exec"), names)
    app.synth()
    assert [each.prefix for each in names["cutouts"].inputs] == ["uploads/", "new/"]


def kind_of(resources: dict[str, Any], kind: str) -> list[Any]:
    return [each.get("Properties", {}) for each in resources.values() if each["Type"] == kind]


def test_every_recipe_of_the_page_is_tested() -> None:
    assert set(RECIPES) == {FIRST, *MADE}


@pytest.mark.parametrize("heading", MADE)
def test_a_recipe_can_be_synthesized_as_it_stands(
    heading: str, resources_with: Callable[[str], dict[str, Any]]
) -> None:
    before, after = resources_with(FIRST), resources_with(heading)
    more = {kind: len(kind_of(after, kind)) - len(kind_of(before, kind)) for kind in MADE[heading]}
    assert more == MADE[heading]


def test_slack_gets_a_sentence_about_the_photo_with_a_token(resources_with: Callable[[str], dict[str, Any]]) -> None:
    resources = resources_with(SLACK)
    (connection,) = kind_of(resources, "AWS::Events::Connection")
    parameters = connection["AuthParameters"]["ApiKeyAuthParameters"]
    assert parameters["ApiKeyName"] == "Authorization"
    assert parameters["ApiKeyValue"].startswith("{{resolve:secretsmanager:slack-bot-token:")
    (target,) = (
        rule["Targets"][0]
        for rule in kind_of(resources, "AWS::Events::Rule")
        if rule.get("EventPattern", {}).get("detail-type") == ["Cutout Rejected"]
    )
    transformer = target["InputTransformer"]
    assert written_out(target["Arn"]) == "<SlackApiDestination.Arn>"
    assert transformer["InputPathsMap"] == {"detail-key": "$.detail.key", "detail-reason": "$.detail.reason"}
    assert json.loads(transformer["InputTemplate"]) == {
        "channel": "#photos",
        "text": "<detail-key> was not cut out: <detail-reason>",
    }


def test_another_account_may_publish_requests_and_nothing_else(resources_with: Callable[[str], dict[str, Any]]) -> None:
    (policy,) = kind_of(resources_with(REQUESTS), "AWS::Events::EventBusPolicy")
    statement = policy["Statement"]
    assert written_out(statement["Principal"]["AWS"]).endswith("::444455556666:root")
    assert (statement["Action"], statement["Condition"]) == (
        "events:PutEvents",
        {
            "ForAllValues:StringEquals": {"events:detail-type": "Cutout Requested"},
            "Null": {"events:detail-type": "false"},
        },
    )


def test_amazons_role_sees_the_folder_of_listings_alone(resources_with: Callable[[str], dict[str, Any]]) -> None:
    policies = kind_of(resources_with("Feed Amazon's listings"), "AWS::S3::BucketPolicy")
    amazons = [
        statement
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if "Media-Download-Role" in json.dumps(statement["Principal"])
    ]
    assert [(each["Effect"], each["Action"]) for each in amazons] == [
        ("Allow", "s3:GetObject"),
        ("Allow", "s3:ListBucket"),
    ]
    assert written_out(amazons[0]["Resource"]).endswith("/amazon/*")
    assert amazons[1]["Condition"] == {"StringLike": {"s3:prefix": "amazon/*"}}
