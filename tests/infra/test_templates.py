"""The templates as a whole: clean by cdk-nag and cfn-lint, the same each time, with the outputs that others rely on."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .synthesized import STACKS, Synthesized, written_out

OUTPUTS = {
    "Storage": {"InputBucketName", "OutputBucketName", "WorkBucketName", "StateTableName"},
    "Pipeline": {
        "ApiKeySecretName",
        "BackfillRuleName",
        "PrepareFunctionName",
        "IntakeQueueUrl",
        "CutQueueUrl",
        "DeliverQueueUrl",
        "IntakeDeadLetterQueueUrl",
        "CutDeadLetterQueueUrl",
        "DeliverDeadLetterQueueUrl",
    },
    "Monitoring": {"AlarmTopicArn", "DashboardName"},
}


ACCEPTED = {
    "AwsSolutions-S1": "Access logs would need a fourth bucket that grows for ever; each photo's way is in the "
    "functions' logs and the state table, and CloudTrail's data events cover who read what where an account asks.",
    "AwsSolutions-SMG4": "The provider has no API to make keys with; each rotation of the keys that sign webhooks has "
    "to be agreed with whoever verifies them (docs/webhooks.md).",
    "AwsSolutions-L1": "The runtime moves with the pinned packages, when the artifacts were tried on the next one.",
    r"AwsSolutions-IAM5\[Resource::([^*]+/[^*]*)?\*\]": "Objects are named by prefix; test_pipeline.py has them all.",
}
"""Rules of cdk-nag by pattern, and why their findings stay."""


def test_cdk_nag_finds_only_what_is_accepted_for_a_reason(app: Synthesized, full_app: Synthesized) -> None:
    found = {rule for synthesized in (app, full_app) for rule in findings(synthesized)}
    assert {rule for rule in found if not any(re.fullmatch(pattern, rule) for pattern in ACCEPTED)} == set()
    assert {pattern for pattern in ACCEPTED if not any(re.fullmatch(pattern, rule) for rule in found)} == set()


def findings(synthesized: Synthesized) -> set[str]:
    """The rules of every plugin that a synth was checked by."""
    report = json.loads((synthesized.folder / "validation-report.json").read_text())
    return {each["ruleName"] for plugin in report["pluginReports"] for each in plugin["violations"]}


def test_cdk_nag_is_really_asked(tmp_path: Path) -> None:
    """A finding fails the synth: the bucket here has none of what ours have."""
    from aws_cdk import App, Stack, Validations
    from aws_cdk import aws_s3 as s3
    from cdk_nag import AwsSolutionsChecks

    app = App(outdir=str(tmp_path))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    s3.CfnBucket(Stack(app, "Careless"), "Bucket")
    with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
        app.synth()


def test_cfn_lint_finds_nothing(app: Synthesized, full_app: Synthesized) -> None:
    templates = [str(path) for synthesized in (app, full_app) for path in synthesized.files.values()]
    lint = Path(sys.prefix) / "bin" / "cfn-lint"
    done = subprocess.run(
        # CDK also names the role under DependsOn, for the sake of policies that are resources of their own.
        [lint, "--ignore-checks", "W3005", "--", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


def test_the_same_settings_give_the_same_templates(synthesize: Callable[..., Synthesized]) -> None:
    assert synthesize().templates == synthesize().templates


@pytest.mark.parametrize("stack", STACKS)
def test_the_outputs_have_their_fixed_names(app: Synthesized, stack: str) -> None:
    ours = {key for key in app.templates[stack]["Outputs"] if not key.startswith("ExportsOutput")}
    assert ours == OUTPUTS[stack]


def test_nothing_is_looked_up_and_no_function_is_brought_along(app: Synthesized) -> None:
    assert json.loads((app.folder / "manifest.json").read_text()).get("missing") is None
    kinds = {resource["Type"] for template in app.templates.values() for resource in template["Resources"].values()}
    assert not {kind for kind in kinds if "Custom" in kind}
    assert len(app.resources("Pipeline", "AWS::Lambda::Function")) == 5


def test_the_cdk_command_line_is_pinned_and_its_lock_names_no_host() -> None:
    pinned = json.loads(Path("package.json").read_text())["devDependencies"]
    assert re.fullmatch(r"[0-9.]+", pinned["aws-cdk"])
    lock = Path("package-lock.json").read_text()
    assert json.loads(lock)["packages"]["node_modules/aws-cdk"]["version"] == pinned["aws-cdk"]
    assert "://" not in lock


def test_stages_live_side_by_side(app: Synthesized, full_app: Synthesized) -> None:
    for stack, kind, name in (
        ("Pipeline", "AWS::SecretsManager::Secret", "Name"),
        ("Monitoring", "AWS::CloudWatch::Dashboard", "DashboardName"),
    ):
        first, second = (next(iter(a.resources(stack, kind).values()))["Properties"][name] for a in (app, full_app))
        first, second = written_out(first), written_out(second)
        assert (first.replace("prod", "full"), "prod" in first) == (second, True)


def test_a_dashboards_name_has_its_region_since_an_account_has_one_list_for_all(app: Synthesized) -> None:
    (dashboard,) = app.resources("Monitoring", "AWS::CloudWatch::Dashboard").values()
    assert written_out(dashboard["Properties"]["DashboardName"]) == "dropcut-prod-<AWS::Region>"
    output = app.templates["Monitoring"]["Outputs"]["DashboardName"]["Value"]
    assert output == dashboard["Properties"]["DashboardName"]


def test_the_embedded_aws_gets_no_alarm_by_arithmetic_or_logs_and_all_the_others(
    app: Synthesized, synthesize: Callable[..., Synthesized]
) -> None:
    def alarms(synthesized: Synthesized) -> dict[str, Any]:
        return synthesized.resources("Monitoring", "AWS::CloudWatch::Alarm")

    embedded, all_alarms = alarms(synthesize(bundle_for="this_machine")), alarms(app)
    by_arithmetic = {name for name, alarm in all_alarms.items() if "Metrics" in alarm["Properties"]}
    by_logs = {name for name in all_alarms if name.startswith("Errors")}
    assert set(all_alarms) - set(embedded) == by_arithmetic | by_logs
