"""Each thing that is wrong is found, and said with its fix; what cannot be looked at is a finding, too."""

import json
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.job_records import JobRecords
from dropcut.core.messages import Upload

from dropcut_cli import doctor
from dropcut_cli.deployment import Deployment
from dropcut_cli.doctor import CHECKS, MOST_CLOCK_SECONDS, WITHOUT_END_SECONDS
from tests.cli.conftest import ALARMS, RULE, Dropcut, Paged
from tests.functions.cloud import INPUT, REGION, SECRET


def found(check: str, deployment: Deployment) -> list[str]:
    return [finding.what for finding in CHECKS[check](deployment)]


@pytest.mark.parametrize(("state", "exit_code"), [("Disabled", 1), ("Enabled", 0)])
def test_a_queue_that_is_turned_off_is_found_unless_spending_is_paused(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, state: str, exit_code: int
) -> None:
    monkeypatch.setattr(
        Deployment, "event_source", lambda _self, queue: {"State": state if queue == "Cut" else "Enabled"}
    )
    assert len(found("event sources", deployment)) == exit_code
    deployment.gate.close_by_hand("r", now=1.0)
    assert found("event sources", deployment) == []
    assert found("spending", deployment) == ["Spending is paused (paused_by_hand): r"]


def test_a_key_that_is_missing_is_found(deployment: Deployment) -> None:
    assert found("API key", deployment) == ["The secret holds no API key."]


def test_a_key_that_is_there_is_no_finding(deployment: Deployment) -> None:
    deployment.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="k")
    assert found("API key", deployment) == []


@pytest.mark.parametrize(
    ("stack", "fix"), [("", "Run `dropcut deploy`."), ("Shop/Cutouts", "Deploy your app again (`cdk deploy`).")]
)
def test_a_fix_is_for_our_own_deployment_or_for_somebodys_app(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch, stack: str, fix: str
) -> None:
    for check in CHECKS.keys() - {"queues' policies"}:
        monkeypatch.setitem(CHECKS, check, lambda _deployment: [])
    theirs = replace(deployment, stack=stack)
    monkeypatch.setitem(vars(theirs), "outputs", deployment.outputs)
    monkeypatch.setattr(Deployment, "find", lambda **_asked: theirs)
    said = [json.loads(line) for line in dropcut("doctor", "--json").out.splitlines()]
    assert {each["fix"] for each in said if not each["ok"]} == {fix}


@dataclass(frozen=True)
class Store:
    """S3 with this configuration of a bucket's events, which moto does not keep, and the bucket in this region."""

    notifications: dict[str, object]
    region: str = REGION

    def get_bucket_notification_configuration(self, **_asked: str) -> dict[str, object]:
        return self.notifications

    def head_bucket(self, **_asked: str) -> dict[str, object]:
        return {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": self.region}}}


SENT = Store({"EventBridgeConfiguration": {}})
UPLOADS = {"source": ["aws.s3"], "detail": {"bucket": {"name": [INPUT]}}}
REQUESTS = {"detail-type": ["Cutout Requested"]}
ANOTHERS = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["another"]}}}
SILENT = f"The bucket {INPUT} does not send its events to EventBridge."
FAR = f"The bucket {INPUT} is in us-west-2: S3 sends none of its events to {REGION}."
NO_RULE = f"No rule of EventBridge leads uploads of {INPUT} to the intake queue."


@pytest.mark.parametrize(
    ("store", "rules", "said"),
    [
        (SENT, [(UPLOADS, "ENABLED"), (REQUESTS, "ENABLED")], []),
        (Store({}), [(UPLOADS, "ENABLED")], [SILENT]),
        (replace(SENT, region="us-west-2"), [(UPLOADS, "ENABLED")], [FAR]),
        (SENT, [(UPLOADS, "DISABLED"), (REQUESTS, "ENABLED")], ["The rule rule-0 for uploads is turned off."]),
        (SENT, [(UPLOADS, "ENABLED"), (UPLOADS, "DISABLED")], ["The rule rule-1 for uploads is turned off."]),
        (SENT, [(REQUESTS, "ENABLED")], [NO_RULE]),
        (SENT, [(ANOTHERS, "ENABLED")], [NO_RULE]),
        (SENT, [], [NO_RULE]),
    ],
    ids=[
        "nothing is wrong",
        "the bucket sends no events",
        "the bucket is in another region",
        "its rule is turned off, and that of requests is not",
        "one of its two rules is turned off",
        "only requests have a rule",
        "only another bucket has a rule",
        "there is no rule",
    ],
)
@pytest.mark.usefixtures("dropcut")
def test_uploads_that_nobody_hears_of_are_found(
    deployment: Deployment, store: Store, rules: list[tuple[dict[str, object], str]], said: list[str]
) -> None:
    events, arn = deployment.client("events"), deployment.queue_arn("Intake")
    for number, (pattern, state) in enumerate(rules):
        events.put_rule(Name=f"rule-{number}", EventPattern=json.dumps(pattern), State=state)
        events.put_targets(Rule=f"rule-{number}", Targets=[{"Id": "queue", "Arn": arn}])
    deployment._clients["s3"] = store
    assert found("bucket's events", deployment) == said


def test_queues_that_let_in_too_much_or_too_little_are_found(deployment: Deployment) -> None:
    said = found("queues' policies", deployment)
    assert sum("without TLS" in what for what in said) == 4
    assert said.count("EventBridge may not send uploads to the intake queue.") == 1


@pytest.mark.parametrize(("older", "findings"), [(1, 1), (-60, 0)])
def test_photos_without_an_end_are_found_after_a_day(deployment: Deployment, older: float, findings: int) -> None:
    upload = Upload(bucket=INPUT, key="a.jpg", sequencer="01")
    JobRecords(table=deployment.table).begin(upload, now=time.time() - WITHOUT_END_SECONDS - older)
    assert len(found("photos without an end", deployment)) == findings


def test_dead_letters_are_counted(deployment: Deployment) -> None:
    assert found("dead letters", deployment) == []
    deployment.client("sqs").send_message(QueueUrl=deployment.queue_url("Cut", dead_letters=True), MessageBody="x")
    assert found("dead letters", deployment) == ["1 dead letter: photos without a result."]


@pytest.mark.parametrize(("off", "findings"), [(MOST_CLOCK_SECONDS + 5, 1), (0, 0)])
def test_a_clock_that_is_off_is_found(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, off: float, findings: int
) -> None:
    class Store:
        def head_bucket(self, **_asked: str) -> dict[str, object]:
            return {"ResponseMetadata": {"HTTPHeaders": {"date": "Sat, 27 Jul 2024 12:00:00 GMT"}}}

    deployment._clients["s3"] = Store()
    monkeypatch.setattr(doctor.time, "time", lambda: 1_722_081_600.0 + off)
    assert len(found("clock", deployment)) == findings


class Lambda:
    """An account with 22 functions at once, and a deployment that asks for these many."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once

    def get_account_settings(self) -> dict[str, object]:
        return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 22}}

    def list_event_source_mappings(self, **_asked: str) -> dict[str, object]:
        return {"EventSourceMappings": [{"ScalingConfig": {"MaximumConcurrency": self._at_once}}]}


@pytest.mark.parametrize(
    ("at_once", "said"), [(6, ["The account may run 22 functions at once; 26 are needed."]), (5, [])]
)
def test_an_account_with_too_few_functions_at_once_is_found(
    deployment: Deployment, at_once: int, said: list[str]
) -> None:
    deployment._clients["lambda"] = Lambda(at_once)
    assert found("concurrency", deployment) == said


@pytest.mark.parametrize(
    ("quotas", "said"),
    [
        (
            [{"QuotaName": "Function memory maximum", "Value": 3007.0}],
            ["The account allows a function 3,007 MB; 3,008 are needed."],
        ),
        ([{"QuotaName": "Function memory maximum", "Value": 3008.0}], []),
        ([{"QuotaName": "Concurrent executions", "Value": 10.0}], []),
    ],
)
def test_an_account_that_allows_a_function_too_little_memory_is_found(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, quotas: list[object], said: list[str]
) -> None:
    monkeypatch.setattr(
        Deployment, "function", lambda _self, queue: {"MemorySize": 3008 if queue == "Deliver" else 512}
    )
    deployment._clients["service-quotas"] = Paged(list_service_quotas={"Quotas": quotas})
    assert found("memory", deployment) == said


@pytest.mark.parametrize(
    ("arns", "enabled", "said"),
    [
        (["arn:aws:sns:1"], [True], ""),
        (["arn:aws:sns:1", "PendingConfirmation"], [True], "The alarms are not confirmed by a@b."),
        ([], [True], "Nobody hears the alarms: their topic has no subscription."),
        (["arn:aws:sns:1"], [], "Alarms are gone, or their actions are turned off."),
        (["arn:aws:sns:1"], [True, False], "Alarms are gone, or their actions are turned off."),
    ],
)
def test_alarms_that_reach_nobody_are_found(
    deployment: Deployment, arns: list[str], enabled: list[bool], said: str
) -> None:
    heard = {"Subscriptions": [{"SubscriptionArn": arn, "Endpoint": "a@b"} for arn in arns]}
    deployment._clients["sns"] = Paged(list_subscriptions_by_topic=heard)
    alarms = [{"AlarmActions": [ALARMS], "ActionsEnabled": each} for each in enabled]
    deployment._clients["cloudwatch"] = Paged(describe_alarms={"MetricAlarms": alarms})
    assert found("alarms", deployment) == ([said] if said else [])


class Functions(dict[str, Any]):
    """Lambda with one function."""

    def get_function_configuration(self, **_asked: str) -> dict[str, Any]:
        return self


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ({"State": "Active"}, ""),
        ({"State": "Inactive"}, ""),
        ({"State": "Failed"}, "The function f is Failed."),
        ({"LastUpdateStatus": "Failed"}, "The function f is Active."),
    ],
)
def test_a_function_that_cannot_run_is_found(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, function: dict[str, str], said: str
) -> None:
    monkeypatch.setattr(Deployment, "resources", lambda _self: [("AWS::Lambda::Function", "f")])
    deployment._clients["lambda"] = Functions(function)
    assert found("resources", deployment) == ([said] if said else [])


POLICY = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}}'


@pytest.fixture
def deployed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """With a role, the feeder's rule and another, a queue with its dead-letter queue, and an alarm."""
    iam, events, sqs = (deployment.client(service) for service in ("iam", "events", "sqs"))
    iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName="role", PolicyName="p", PolicyDocument=POLICY)
    events.put_rule(Name="rule", ScheduleExpression="rate(1 minute)")
    events.create_event_bus(Name="bus")
    events.put_rule(Name="asks", EventPattern='{"source": ["shop"]}', EventBusName="bus")
    events.put_targets(Rule="asks", EventBusName="bus", Targets=[{"Id": "t", "Arn": deployment.queue_arn("Cut")}])
    for rule in ("rule", RULE):
        events.put_targets(Rule=rule, Targets=[{"Id": "t", "Arn": deployment.queue_arn("Cut")}])
    cut, dead = deployment.queue_url("Cut"), deployment.queue_url("Cut", dead_letters=True)
    arn = deployment.queue_attributes("Cut", "QueueArn", dead_letters=True)["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    sqs.set_queue_attributes(QueueUrl=cut, Attributes={"RedrivePolicy": redrive})
    deployment.client("cloudwatch").put_metric_alarm(
        **{"AlarmName": "alarm", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60},
        **{"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"},
    )
    there = {"IAM::Role": ["role"], "Events::Rule": ["rule", RULE, "bus|asks"], "SQS::Queue": [cut, dead]}
    there |= {"CloudWatch::Alarm": ["alarm"], "DynamoDB::Table": ["not looked at"]}
    resources = [(f"AWS::{kind}", name) for kind, names in there.items() for name in names]
    monkeypatch.setattr(Deployment, "resources", lambda _self: resources)
    return deployment


@pytest.mark.parametrize(
    ("service", "call", "asked", "said"),
    [
        ("sts", "get_caller_identity", {}, []),
        ("iam", "delete_role_policy", {"RoleName": "role", "PolicyName": "p"}, ["The role role has no policy."]),
        ("events", "disable_rule", {"Name": "rule"}, ["The rule rule is turned off."]),
        ("events", "remove_targets", {"Rule": "rule", "Ids": ["t"]}, ["The rule rule has no target."]),
        ("events", "disable_rule", {"Name": "asks", "EventBusName": "bus"}, ["The rule bus|asks is turned off."]),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["alarm"]}, ["The alarm alarm is gone."]),
    ],
)
def test_what_was_deployed_and_changed_by_hand_is_found(
    deployed: Deployment, service: str, call: str, asked: dict[str, Any], said: list[str]
) -> None:
    getattr(deployed.client(service), call)(**asked)
    assert found("resources", deployed) == said


def test_what_was_deployed_and_is_gone_is_found(deployed: Deployment) -> None:
    iam, events, cut = deployed.client("iam"), deployed.client("events"), deployed.queue_url("Cut")
    iam.delete_role_policy(RoleName="role", PolicyName="p")
    iam.delete_role(RoleName="role")
    events.remove_targets(Rule="rule", Ids=["t"])
    events.delete_rule(Name="rule")
    deployed.client("sqs").delete_queue(QueueUrl=cut)
    said = ["The role role is gone.", "The rule rule is gone.", f"The queue {cut} is gone."]
    assert found("resources", deployed) == said


def test_a_queue_without_a_dead_letter_queue_is_found(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = deployed.queue_url("Intake")
    monkeypatch.setattr(Deployment, "resources", lambda _self: [("AWS::SQS::Queue", intake)])
    assert found("resources", deployed) == [f"The queue {intake} has no dead-letter queue."]


@pytest.mark.parametrize(
    ("code", "fix"), [("AccessDenied", "Run the doctor with that permission."), ("SlowDown", "Put that right first.")]
)
def test_what_cannot_be_looked_at_is_a_finding_with_its_own_fix(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch, code: str, fix: str
) -> None:
    def refused(_deployment: Deployment) -> None:
        answer = {"Error": {"Code": code, "Message": "not authorized to perform: sns:List"}}
        raise ClientError(answer, "ListSubscriptionsByTopic")  # type: ignore[arg-type]

    for check in CHECKS:
        monkeypatch.setitem(CHECKS, check, lambda _deployment: [])
    assert dropcut("doctor").exit_code == 0
    monkeypatch.setitem(CHECKS, "alarms", refused)
    ran = dropcut("doctor")
    assert ran.exit_code == 1
    assert "wrong  alarms: It could not be looked at: " in ran.out
    assert f"\n       {fix}\n" in ran.out
