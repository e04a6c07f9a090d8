"""`dropcut doctor`: looks at the deployment, and says of each thing that is wrong how it is put right."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import click
from dropcut.core.item_kinds import JOB

from dropcut_cli.deployment import STAGE_FUNCTIONS, Deployment
from dropcut_cli.exits import CommandError, Exit, explained
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, counted, for_people
from dropcut_cli.status import queue_counts

MOST_CLOCK_SECONDS = 30.0
"""AWS refuses requests five minutes off; long before that, ages and pauses shown here are wrong."""
WITHOUT_END_SECONDS = 86_400.0
_WOKEN_EACH_MINUTE = 2
"""The gatekeeper and the feeder, which run once at a time."""


class Finding(NamedTuple):
    what: str
    fix: str = ""
    """Empty where deploying again is the fix."""


Check = Callable[[Deployment], Iterator[Finding]]


@click.command(epilog="Examples: `dropcut doctor`, `dropcut doctor --stage test --json`")
@on_a_deployment
def doctor(deployment: Deployment, output: Output) -> int:
    """Look for what is wrong with the deployment, each with its fix. Nothing is changed.

    Ends with 1 when something is found.
    """
    deployment.outputs  # noqa: B018 - no deployment is no finding
    count = 0
    for name, check in CHECKS.items():
        findings = _findings(check, deployment)
        count += len(findings)
        for what, fix in findings:
            fix_or_deploy = fix or deployment.deploy_again
            values = {"check": name, "ok": False, "what": what, "fix": fix_or_deploy}
            output.result(values, f"wrong  {name}: {what}", f"       {fix_or_deploy}")
        if not findings:
            output.result({"check": name, "ok": True, "what": None, "fix": None}, f"ok     {name}")
    return Exit.FAILED if count else Exit.DONE


def _findings(check: Check, deployment: Deployment) -> list[Finding]:
    try:
        return list(check(deployment))
    except Exception as error:
        if not (said := explained(error)):
            raise
        # Each error says itself how it is put right. One that a check raises by itself is found by another check, too.
        fix = "Run the doctor with that permission." if said.exit_code == Exit.DENIED else "Put that right first."
        return [Finding(f"It could not be looked at: {said}", fix)]


def _secret(deployment: Deployment) -> Iterator[Finding]:
    if not deployment.fingerprint:
        yield Finding("The secret holds no API key.", "Put it in with `dropcut set-key`.")


def _notifications(deployment: Deployment) -> Iterator[Finding]:
    s3, here = deployment.client("s3"), deployment.session.region_name
    for bucket in deployment.sources:
        headers = s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        if (there := headers.get("x-amz-bucket-region", here)) != here:
            fix = "Take photos from a bucket of the same region. S3 can replicate them into it."
            yield Finding(f"The bucket {bucket} is in {there}: S3 sends none of its events to {here}.", fix)
        if "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket):
            fix = f"{deployment.deploy_again} Or turn EventBridge on in the bucket's properties."
            yield Finding(f"The bucket {bucket} does not send its events to EventBridge.", fix)
    yield from _rules_of_uploads(deployment)


def _rules_of_uploads(deployment: Deployment) -> Iterator[Finding]:
    """Each input has one. The rule of requests leads to the same queue."""
    events, buckets = deployment.client("events"), []
    for name in events.list_rule_names_by_target(TargetArn=deployment.queue_arn("Intake"))["RuleNames"]:
        rule = events.describe_rule(Name=name)
        pattern = json.loads(rule.get("EventPattern", "{}"))
        if "aws.s3" not in pattern.get("source", []):
            continue
        buckets += pattern.get("detail", {}).get("bucket", {}).get("name", [])
        if rule["State"] == "DISABLED":
            yield Finding(f"The rule {name} for uploads is turned off.", "Enable it in EventBridge's console.")
    for bucket in deployment.sources:
        if bucket not in buckets:
            yield Finding(f"No rule of EventBridge leads uploads of {bucket} to the intake queue.")


def _resources(deployment: Deployment) -> Iterator[Finding]:
    """What was deployed is there still, and as it must be."""
    from botocore.exceptions import ClientError

    for kind, name in deployment.resources():
        if kind not in _LOOKS:
            continue
        try:
            wrong = _LOOKS[kind](deployment, name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            wrong = "is gone"
        if wrong:
            yield Finding(f"The {kind.rpartition('::')[2].lower()} {name} {wrong}.")


def _function(deployment: Deployment, name: str) -> str:
    found = deployment.client("lambda").get_function_configuration(FunctionName=name)
    state = found.get("State", "Active")
    return f"is {state}" if state == "Failed" or found.get("LastUpdateStatus") == "Failed" else ""


def _role(deployment: Deployment, name: str) -> str:
    iam = deployment.client("iam")
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return "" if inline or iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] else "has no policy"


def _rule(deployment: Deployment, name: str) -> str:
    """The feeder's is on only while a back-fill runs."""
    events = deployment.client("events")
    bus, _, rule = name.rpartition("|")  # so CloudFormation names a rule of another bus than the default one
    which = {"EventBusName": bus or "default"}
    off = events.describe_rule(Name=rule, **which)["State"] == "DISABLED"
    if off and name == deployment.outputs.get("BackfillRuleName"):
        off = any(each.status == "running" for each in deployment.backfills.all())
    if off:
        return "is turned off"
    return "" if events.list_targets_by_rule(Rule=rule, **which)["Targets"] else "has no target"


def _queue(deployment: Deployment, url: str) -> str:
    if url in {deployment.queue_url(queue, dead_letters=True) for queue in deployment.queues}:
        return ""
    asked = deployment.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    return "" if asked.get("Attributes") else "has no dead-letter queue"


def _alarm(deployment: Deployment, name: str) -> str:
    return "" if deployment.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"] else "is gone"


_GONE = {"ResourceNotFoundException", "NoSuchEntity", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_LOOKS: dict[str, Callable[[Deployment, str], str]] = {
    "AWS::Lambda::Function": _function,
    "AWS::IAM::Role": _role,
    "AWS::Events::Rule": _rule,
    "AWS::SQS::Queue": _queue,
    "AWS::CloudWatch::Alarm": _alarm,
}
"""By kind of resource: what is wrong with the one of this name; it raises when there is none."""


def _event_sources(deployment: Deployment) -> Iterator[Finding]:
    paused = deployment.gate.get().is_closed
    for queue in deployment.queues:
        try:
            state = deployment.event_source(queue)["State"]
        except CommandError as missing:
            yield Finding(str(missing))
            continue
        if state in ("Disabled", "Disabling") and not (queue == "Cut" and paused):
            fix = f"Enable the trigger in the function's console. Or: {deployment.deploy_again}"
            yield Finding(f"The queue of {STAGE_FUNCTIONS[queue]} is turned off ({state}).", fix)


def _queue_policies(deployment: Deployment) -> Iterator[Finding]:
    """EventBridge must be let in, and nothing without TLS."""
    for queue in deployment.queues:
        policy = json.loads(deployment.queue_attributes(queue, "Policy").get("Policy") or '{"Statement": []}')
        statements = {(each["Effect"], json.dumps(each)) for each in policy["Statement"]}
        if not any(effect == "Deny" and "aws:SecureTransport" in text for effect, text in statements):
            yield Finding(f"The queue {queue} takes messages without TLS.")
        lets_in = any(effect == "Allow" and "events.amazonaws.com" in text for effect, text in statements)
        if queue == "Intake" and not lets_in:
            yield Finding("EventBridge may not send uploads to the intake queue.")


def _gate(deployment: Deployment) -> Iterator[Finding]:
    gate = deployment.gate.get()
    if gate.is_closed:
        yield Finding(f"S{gate.why[1:]}", "Put right what it says; then `dropcut resume` tries at once.")


def _alarms(deployment: Deployment) -> Iterator[Finding]:
    if deployment.stack and "AlarmTopicArn" not in deployment.outputs:
        return  # its app has alarms of its own
    subscriptions, alarms = deployment.subscriptions(), deployment.alarms()
    pending = [each["Endpoint"] for each in subscriptions if not each["SubscriptionArn"].startswith("arn:")]
    if pending:
        fix = "Confirm the e-mail that AWS has sent, then `dropcut test-alarm`."
        yield Finding(f"The alarms are not confirmed by {', '.join(pending)}.", fix)
    if not subscriptions:
        fix = "Deploy with alarm_email=you@example.com, confirm the e-mail, then `dropcut test-alarm`."
        yield Finding("Nobody hears the alarms: their topic has no subscription.", fix)
    if not alarms or not all(each["ActionsEnabled"] for each in alarms):
        yield Finding("Alarms are gone, or their actions are turned off.")


def _concurrency(deployment: Deployment) -> Iterator[Finding]:
    limits = deployment.client("lambda").get_account_settings()["AccountLimit"]
    sources = [deployment.event_source(queue) for queue in deployment.queues]
    needed = functions_at_once(each.get("ScalingConfig", {}).get("MaximumConcurrency", 0) for each in sources)
    if (most := limits["UnreservedConcurrentExecutions"]) < needed:
        fix = "Ask for more in Service Quotas (Lambda, concurrent executions), or set max_concurrency lower."
        yield Finding(f"The account may run {most} functions at once; {needed} are needed.", fix)


def functions_at_once(of_queues: Iterable[int]) -> int:
    """How many functions of a deployment run at the same time, by how many read each queue."""
    return _WOKEN_EACH_MINUTE + sum(of_queues)


def _memory(deployment: Deployment) -> Iterator[Finding]:
    """A function with more than the account allows fails at its next deployment; new accounts allow 3,008 MB."""
    if deployment.local:
        return  # it has no quotas
    most = memory_limit_mb(deployment.client("service-quotas"))
    needed = max(deployment.function(queue)["MemorySize"] for queue in deployment.queues)
    if most is not None and most < needed:
        fix = "Ask for more in Service Quotas (Lambda, function memory), or set max_photo_megapixels lower."
        yield Finding(f"The account allows a function {most:,} MB; {needed:,} are needed.", fix)


def memory_limit_mb(quotas: Any) -> int | None:
    """The most that an account lets one function have, if Service Quotas lists it."""
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="lambda")
    found = [each["Value"] for page in pages for each in page["Quotas"] if "memory" in each["QuotaName"].lower()]
    return int(min(found)) if found else None


def _clock(deployment: Deployment) -> Iterator[Finding]:
    from email.utils import parsedate_to_datetime

    answer = deployment.client("s3").head_bucket(Bucket=deployment.input_bucket)
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    off = abs(time.time() - parsedate_to_datetime(date).timestamp()) if date else 0.0
    if off > MOST_CLOCK_SECONDS:
        yield Finding(f"This machine's clock is {for_people(off)} off.", "Set it: ages shown here are wrong.")


def _dead_letters(deployment: Deployment) -> Iterator[Finding]:
    dead = sum(queue_counts(deployment, queue, True)["waiting"] for queue in deployment.queues)
    if dead:
        fix = "`dropcut failures` shows why; `dropcut redrive --send` sends them back."
        yield Finding(f"{counted(dead, 'dead letter')}: photos without a result.", fix)


def _photos_without_end(deployment: Deployment) -> Iterator[Finding]:
    from boto3.dynamodb.conditions import Attr

    old = round(time.time() - WITHOUT_END_SECONDS)
    under_way = Attr("status").is_in(["preparing", "waiting"]) & Attr("updated_at").lt(old)
    found = [item["id"] for item in deployment.scan(Attr("id").begins_with(JOB) & under_way, "id")]
    if found:
        example = found[0].partition("/")[2]
        fix = f"Look at one: `dropcut status '{example}'`. Upload it again if its message is gone; it is paid for once."
        yield Finding(f"{counted(len(found), 'photo')} under way for over a day, such as {example}.", fix)


CHECKS: dict[str, Check] = {
    "API key": _secret,
    "bucket's events": _notifications,
    "resources": _resources,
    "event sources": _event_sources,
    "queues' policies": _queue_policies,
    "spending": _gate,
    "alarms": _alarms,
    "concurrency": _concurrency,
    "memory": _memory,
    "clock": _clock,
    "dead letters": _dead_letters,
    "photos without an end": _photos_without_end,
}
