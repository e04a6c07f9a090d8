"""Dropcut for anybody's app: photos dropped into a bucket come out, cut out, in another."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

from aws_cdk import Annotations, Aws, CfnOutput, Duration, Names, Stack, Stage, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct
from dropcut.core import event_names

from dropcut_cdk.api_key import ApiKey
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.event_schemas import EventSchemas
from dropcut_cdk.input import Input, InputFilters
from dropcut_cdk.kinds import SettingsError
from dropcut_cdk.monitoring import Monitoring
from dropcut_cdk.pipeline import Pipeline
from dropcut_cdk.props import DropcutProps, keywords_of
from dropcut_cdk.queues import visible
from dropcut_cdk.routes import check_place, check_routes
from dropcut_cdk.storage import Storage
from dropcut_cdk.trial import as_tried_out

FIVE_MINUTES = Duration.minutes(5)
_SWITCH = "BucketNotificationsHandler"
"""The CDK's function that switches EventBridge on in a stack's buckets, as its id begins."""


class RuleOptions(TypedDict, total=False):
    """The arguments of `on_delivered` and its like."""

    target: events.IRuleTarget | None
    scope: Construct | None
    """Where the rule is made, if not here: in the stack of a target that itself needs something of this one."""


class Dropcut(Construct):
    """Buckets, queues, functions, alarms and a dashboard. Its arguments are the fields of `DropcutProps`.

    Raises:
        SettingsError: an argument is not allowed, or contradicts another; the sentence says what is allowed.
    """

    @keywords_of(DropcutProps)
    def __init__(self, scope: Construct, construct_id: str, props: DropcutProps) -> None:
        super().__init__(scope, construct_id)
        props = as_tried_out(self, props)
        self.props = props = props.storage.followed_by(props) if props.storage else props
        self.name = props.name or f"dropcut-{Names.unique_resource_name(self, max_length=50)}"
        """Of the deployment in its metrics, its secret and its dashboard."""
        self._refuse_another_of_this_name()
        self._warn_without_ceiling()
        self.storage = props.storage or Storage(self, "Storage", props)
        self.output_bucket, self.state_table = self.storage.output_bucket, self.storage.state_table
        self.api_key = ApiKey(self, self.name, props.provider)
        deployment = Deployment(name=self.name, props=props, storage=self.storage, api_key=self.api_key)
        self.pipeline = Pipeline(self, "Default", deployment)
        self.stages = self.pipeline.stages
        """By `intake`, `cut` and `deliver`; with `webhook_url`, by `notify`."""
        self.queues = {name: stage.queues.queue for name, stage in self.stages.items()}
        self.dead_letter_queues = {name: stage.queues.dead_letter_queue for name, stage in self.stages.items()}
        self.functions = {each.node.id.lower(): each.confined.function for each in self.pipeline.constructs}
        """By `prepare`, `cut`, `deliver`, `gatekeeper` and `feeder`; with `webhook_url`, by `notify`."""
        self.webhook_secret = self.pipeline.notify.secret if self.pipeline.notify else None
        """The keys that sign webhooks, for whoever verifies them; None without `webhook_url`."""
        if props.event_schemas and not props.for_embedded_aws:  # it has no registry
            EventSchemas(self, "EventSchemas", name=self.name)
        self.inputs: list[Input] = []
        for photos in props.inputs:
            self._take_from(photos)
        self.input_bucket = self.inputs[0].taken_from
        """The bucket of the first input."""
        self._bound(self)
        self.monitoring = Monitoring(self, "Monitoring", of=self, command=self._command) if props.monitoring else None
        self.alarms: Sequence[cloudwatch.Alarm] = self.monitoring.alarms if self.monitoring else ()
        self.dashboard = self.monitoring.dashboard if self.monitoring else None
        if not props.storage:  # in a stack of its own, which says it
            self._write_outputs()

    def _refuse_another_of_this_name(self) -> None:
        """Raises SettingsError: another has the name in this account and region, and left its mark.

        Where they are not known at synth, stages of the CDK may go to accounts of their own.
        """
        stack = Stack.of(self)
        known = not Token.is_unresolved(stack.account) and not Token.is_unresolved(stack.region)
        place = self.node.root if known else Stage.of(self) or self.node.root
        mark = f"Dropcut {self.name} of {stack.environment}"
        if place.node.try_find_child(mark):
            raise SettingsError(
                f"Setting name is {self.name!r}, as in another Dropcut of this app. In one account and region both "
                "would share their metrics, secret and dashboard. Allowed: a name of its own, or none."
            )
        assert isinstance(place, Construct)
        Construct(place, mark)

    def _warn_without_ceiling(self) -> None:
        """Whoever may put photos into an input bucket spends money, as fast as the API allows it."""
        props = self.props
        if props.daily_credit_limit or props.for_embedded_aws:
            return
        a_day = 86_400 * props.rate_limit_requests / props.rate_limit_seconds * props.provider.credits_per_image
        Annotations.of(self).add_warning_v2(
            "dropcut:no-daily-credit-limit",
            f"There is no daily_credit_limit: uploads may spend up to {a_day:,.0f} credits a day. "
            "Set daily_credit_limit=1000, for example.",
        )

    @property
    def outputs(self) -> Mapping[str, str]:
        """What the operator's command has to know, by the names of stack outputs."""
        notify, monitoring = self.pipeline.notify, self.monitoring
        return {
            "InputBucketName": self.input_bucket.bucket_name,
            "OutputBucketName": self.output_bucket.bucket_name,
            "WorkBucketName": self.storage.work_bucket.bucket_name,
            "StateTableName": self.state_table.table_name,
            "ApiKeySecretName": self.api_key.secret,
            "BackfillRuleName": self.pipeline.feeder.rule_name,
            "PrepareFunctionName": self.functions["prepare"].function_name,
            **{f"{name.title()}QueueUrl": queue.queue_url for name, queue in self.queues.items()},
            **{f"{name.title()}DeadLetterQueueUrl": queue.queue_url for name, queue in self.dead_letter_queues.items()},
            **({"WebhookSecretArn": notify.secret_arn} if notify else {}),
            **(monitoring.outputs if monitoring else {}),
        }

    @property
    def _path(self) -> str:
        """Of this construct in its stack, as logical ids name it."""
        return re.sub("[^A-Za-z0-9]", "", self.node.path.removeprefix(Stack.of(self).node.path))

    @property
    def _command(self) -> str:
        """The operator's command, with a verb in place of `{}`; empty where the stack's name is not known at synth."""
        stack = Stack.of(self).stack_name
        return "" if Token.is_unresolved(stack) else f"dropcut {{}} --stack {stack}/{self._path}"

    def _write_outputs(self) -> None:
        for name, value in self.outputs.items():
            CfnOutput(self, name, value=value).override_logical_id(f"{self._path}{name}")

    def add_input(self, bucket: s3.IBucket, **filters: Unpack[InputFilters]) -> None:
        """Take photos from another bucket, too, by the filters of `Input`.

        Raises:
            SettingsError: they are not allowed; or they overlap with another input's, or with the output.
        """
        self._take_from(Input(bucket=bucket, **filters))

    def on_delivered(self, construct_id: str, **options: Unpack[RuleOptions]) -> events.Rule:
        """Do something with each photo whose cut-outs are in the output bucket."""
        return self._on(event_names.DELIVERED, construct_id, **options)

    def on_rejected(self, construct_id: str, **options: Unpack[RuleOptions]) -> events.Rule:
        """Do something with each photo that cannot be cut out, for good."""
        return self._on(event_names.REJECTED, construct_id, **options)

    def on_failed(self, construct_id: str, **options: Unpack[RuleOptions]) -> events.Rule:
        """Do something with each photo that lies in a dead-letter queue."""
        return self._on(event_names.FAILED, construct_id, **options)

    def on_held(self, construct_id: str, **options: Unpack[RuleOptions]) -> events.Rule:
        """Do something with each photo whose cut-out waits for somebody to look at it."""
        return self._on(event_names.HELD, construct_id, **options)

    def on_paused(self, construct_id: str, **options: Unpack[RuleOptions]) -> events.Rule:
        """Do something when the spending pauses."""
        return self._on(event_names.PAUSED, construct_id, **options)

    def grant_upload(self, grantee: iam.IGrantable) -> None:
        """Let somebody upload photos to the inputs there are so far, with tags only where an input asks for one.

        CDK's own grant lets them tag each photo that is there, so that it is left alone, or expires.
        """
        for photos in self.inputs:
            bucket = photos.taken_from
            tagging = ["s3:PutObjectTagging"] if photos.tag else []
            iam.Grant.add_to_principal_or_resource(
                grantee=grantee,
                actions=["s3:PutObject", "s3:AbortMultipartUpload", *tagging],
                resource_arns=[bucket.arn_for_objects(f"{photos.prefix}*")],
                resource=bucket,
            )
            if bucket.encryption_key:  # for an upload in parts, its parts are decrypted
                bucket.encryption_key.grant(grantee, "kms:GenerateDataKey", "kms:Decrypt")

    def grant_read_cutouts(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody read what is in the output bucket."""
        return self.output_bucket.grant_read(grantee)

    def grant_request(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody request cut-outs of objects that lie in an input, by events."""
        return self.pipeline.requests.grant(grantee)

    def metric(
        self, name: str, period: Duration, *, statistic: str = "Sum", label: str | None = None
    ) -> cloudwatch.Metric:
        """A metric that the functions emit: a statistic of each period, such as `Sum`, `Maximum` or `p50`."""
        return cloudwatch.Metric(
            namespace="Dropcut",
            metric_name=name,
            dimensions_map={"service": self.name},
            statistic=statistic,
            period=period,
            label=label,
        )

    def metric_delivered(self, *, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
        """Photos delivered in each period."""
        return self.metric("PhotosDelivered", period)

    def metric_credits(self, *, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
        """Credits spent in each period."""
        return self.metric("CreditsSpent", period)

    def metric_waiting(self, *, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
        """Pictures that wait for their turn at the API: the most in each period."""
        return visible(self.queues["cut"], period)

    def _take_from(self, photos: Input) -> None:
        if photos.bucket is None:
            if not self.storage.input_bucket:
                raise SettingsError(
                    "An input names no bucket, and no bucket of our own was made for one. Allowed: a bucket for each "
                    "input, or the same input among the argument inputs of Dropcut, and of a given Storage."
                )
            photos = replace(photos, bucket=self.storage.input_bucket)
        for bucket, of in ((photos.taken_from, "an input"), (self.output_bucket, "the output")):
            check_place(self, bucket, f"bucket {bucket.bucket_name} of {of}", "into which S3 can replicate the photos")
        check_routes([*self.inputs, photos], self.output_bucket, self.props)
        self._hear_of(photos.taken_from)
        self.inputs.append(photos)
        self.pipeline.take_from(photos)

    def _hear_of(self, bucket: s3.IBucket) -> None:
        """Switch EventBridge on in a bucket of this app, and remind of it where the bucket is imported."""
        if isinstance(bucket, s3.Bucket):
            if bucket is not self.storage.input_bucket:
                bucket.enable_event_bridge_notification()
                self._bound(*(each for each in Stack.of(bucket).node.children if each.node.id.startswith(_SWITCH)))
        elif not bucket.node.try_find_child("Notifications"):  # the CDK adds to them
            Annotations.of(self).add_warning_v2(
                f"dropcut:event-bridge-of-{bucket.node.id}",
                f"Without EventBridge in the notifications of the bucket {bucket.node.id}, its photos are never seen. "
                "Call its enable_event_bridge_notification() first, which keeps the others, or switch it on by hand: "
                "`dropcut doctor` looks at it.",
            )

    def _bound(self, *places: IConstruct) -> None:
        """Bound the roles that are made there."""
        if boundary := self.props.permissions_boundary:
            for place in places:
                iam.PermissionsBoundary.of(place).apply(boundary)

    def _on(
        self,
        detail_type: str,
        construct_id: str,
        *,
        target: events.IRuleTarget | None = None,
        scope: Construct | None = None,
    ) -> events.Rule:
        """A rule on this deployment's events alone: others share the account's bus, maybe with other accounts."""
        pattern = events.EventPattern(
            source=[event_names.SOURCE],
            account=[Aws.ACCOUNT_ID],
            detail_type=[detail_type],
            detail={"service": [self.name]},
        )
        about = f"Events {detail_type} of {self.name}"
        targets = [target] if target else None
        return events.Rule(scope or self, construct_id, description=about, event_pattern=pattern, targets=targets)
