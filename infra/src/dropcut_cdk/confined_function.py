"""A Lambda function that may do what its spec says, log and trace, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Duration, IgnoreMode, RemovalPolicy, Stack
from aws_cdk import Size as Storage
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct
from dropcut.core.photo_source import sources_to_json
from dropcut.environment import Environment

from dropcut_cdk.artifact import PYTHON_VERSION, Target, build_artifact
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.input import Input
from dropcut_cdk.limits import check_environment
from dropcut_cdk.permissions import allow, of_photos, use_keys
from dropcut_cdk.props import DropcutProps
from dropcut_cdk.queues import BATCH_SIZE, CONSUME, Queues, send_to
from dropcut_cdk.sizes import Size
from dropcut_cdk.sources import FUNCTIONS

POWERTOOLS = ("aws-lambda-powertools", "jmespath", "typing-extensions")
DECODING = ("pyvips", "pyvips-binary", "cffi", "pycparser", "pillow", "pillow-heif", "isal")
CALLING = ("requests", "certifi", "charset-normalizer", "idna", "urllib3")
RUNTIME = lambda_.Runtime(f"python{PYTHON_VERSION}", lambda_.RuntimeFamily.PYTHON)


@dataclass(frozen=True, kw_only=True)
class FunctionSpec:
    """A function of `functions/dropcut/entries`."""

    entry: str
    """Name of its module there."""
    description: str
    size: Size
    packages: Sequence[str]
    """Of `functions/requirements.lock`."""
    environment: Environment
    """Its settings."""
    permissions: Sequence[iam.PolicyStatement]
    """What it may do, beside what each function may: work off its queue, see its photos, write its log and traces."""
    photo_actions: Sequence[str] = ()
    """What it does with photos, as S3 names it. Wherever photos come from, it also sees whether one is there."""
    may_be_traced: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    """What libraries of this function alone read from its environment."""


class ConfinedFunction(Construct):
    """A function with a log group and a role of its own.

    A synth that needs no artifact builds none. The CDK says so by the context `aws:cdk:bundling-stacks`: `cdk destroy`
    sets it, and tests of the template set it to an empty list.
    """

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment, spec: FunctionSpec) -> None:
        super().__init__(scope, construct_id)
        props = deployment.props
        self._spec = spec
        self._inputs: list[Input] = []
        self._variables = {
            **spec.environment.to_variables(),
            "POWERTOOLS_SERVICE_NAME": deployment.name,
            "POWERTOOLS_METRICS_NAMESPACE": "Dropcut",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            **spec.variables,
        }
        check_environment(spec.entry, self._variables)
        self._traced = props.tracing and spec.may_be_traced
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            retention=props.log_retention or logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._policy = iam.PolicyDocument(statements=[*spec.permissions, *self._of_each_function(props)])
        self._use_keys = use_keys("UseKeys", ["kms:Decrypt", "kms:GenerateDataKey"], [], by="s3")
        self._read_keys = use_keys("ReadKeys", ["kms:Decrypt"], [], by="s3")
        self._use_photos = allow("UsePhotos", of_photos(*spec.photo_actions), [])
        self._find_photos = allow("FindPhotos", ["s3:ListBucket"], [])
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"stage": self._policy},
        )
        self.function = self._function(props)

    def _of_each_function(self, props: DropcutProps) -> Iterator[iam.PolicyStatement]:
        yield allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], [self.log_group.log_group_arn])
        if self._traced:
            yield allow("Trace", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])
        if props.vpc:
            yield allow("JoinVpc", _JOIN_VPC, ["*"], _NOT_ITS_CODE)

    def _function(self, props: DropcutProps) -> lambda_.Function:
        spec = self._spec
        return lambda_.Function(
            Construct(self, "Code"),
            "Function",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.custom(props.architecture),
            handler=f"dropcut.entries.{spec.entry}.handler",
            description=spec.description,
            code=self._code(props),
            timeout=Duration.seconds(spec.size.timeout_seconds),
            memory_size=spec.size.memory_mb,
            ephemeral_storage_size=Storage.mebibytes(spec.size.ephemeral_storage_mb),
            environment=dict(self._variables),
            log_group=self.log_group,
            vpc=props.vpc,
            # The role is complete: CDK's constructs add nothing to it.
            role=self.role.without_policy_updates(),
            tracing=lambda_.Tracing.ACTIVE if self._traced else lambda_.Tracing.DISABLED,
        )

    def _code(self, props: DropcutProps) -> lambda_.Code:
        if not Stack.of(self).bundling_required:
            return lambda_.Code.from_asset(str(FUNCTIONS), exclude=["__pycache__"], ignore_mode=IgnoreMode.GIT)
        target = Target.this_machine() if props.for_embedded_aws else Target.for_lambda(props.architecture)
        artifact = build_artifact(self._spec.packages, target)
        return lambda_.Code.from_asset(str(artifact.path), asset_hash=artifact.content_hash)

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable of its environment that is known after the function is made.

        Raises:
            SettingsError: Lambda would not take so much text.
        """
        self._variables[name] = value
        check_environment(self._spec.entry, self._variables)
        self.function.add_environment(name, value)

    def consume(self, queues: Queues, *, at_once: int, batch: int = BATCH_SIZE) -> lambda_.EventSourceMapping:
        """Let it work off a queue: so many invocations at once, with so many messages each at most."""
        self._policy.add_statements(
            allow("ConsumeOwnQueue", CONSUME, [queues.queue.queue_arn]), send_to("DeadLetter", queues.dead_letter_queue)
        )
        return lambda_.EventSourceMapping(
            self,
            "EventSource",
            target=self.function,
            event_source_arn=queues.queue.queue_arn,
            batch_size=batch,
            report_batch_item_failures=True,
            # Not reserved concurrency: that dead-letters throttled messages without a look at them.
            max_concurrency=at_once,
        )

    def take_from(self, photos: Input) -> None:
        """Let it know this input, and do with its photos what the spec says."""
        self._inputs.append(photos)
        self.set_variable("INPUTS", sources_to_json(each.source for each in self._inputs))
        self._grant(self._find_photos, photos.taken_from.bucket_arn)
        if self._spec.photo_actions:
            self._grant(self._use_photos, photos.taken_from.arn_for_objects(f"{photos.prefix}*"))
            self._grant_keys(self._read_keys, photos.taken_from)  # tagging an object needs no key

    def use_keys(self, *buckets: s3.IBucket) -> None:
        """Let it read and write by the keys that these buckets are encrypted with, if any."""
        self._grant_keys(self._use_keys, *buckets)

    def read_keys(self, *buckets: s3.IBucket) -> None:
        """The same for buckets that it only reads."""
        self._grant_keys(self._read_keys, *buckets)

    def _grant_keys(self, statement: iam.PolicyStatement, *buckets: s3.IBucket) -> None:
        for bucket in buckets:
            if bucket.encryption_key and bucket.encryption_key.key_arn not in self._use_keys.resources:
                self._grant(statement, bucket.encryption_key.key_arn)

    def _grant(self, statement: iam.PolicyStatement, arn: str) -> None:
        """A statement without resources would not be valid, so it joins the policy with its first one."""
        if not statement.resources:
            self._policy.add_statements(statement)
        statement.add_resources(arn)

    def wake_every_minute(self, target: str, description: str, **rule_options: Any) -> None:
        """Invoke it by a rule, whose options may be its `name` and `state`.

        The next minute tries again what failed: an invocation that AWS made twice would be one too many.
        """
        self.function.configure_async_invoke(retry_attempts=0)
        woken = events.CfnRule.TargetProperty(
            id=target,
            arn=self.function.function_arn,
            retry_policy=events.CfnRule.RetryPolicyProperty(maximum_retry_attempts=0),
        )
        when = "rate(1 minute)"
        rule = events.CfnRule(
            self, "EveryMinute", description=description, schedule_expression=when, targets=[woken], **rule_options
        )
        lambda_.CfnPermission(
            self,
            "EveryMinuteMayInvoke",
            action="lambda:InvokeFunction",
            function_name=self.function.function_name,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )


_JOIN_VPC = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
_NOT_ITS_CODE = {"Null": {"lambda:SourceFunctionArn": "true"}}
"""Lambda itself, with the function's role: requests of the function's own code name the function."""
