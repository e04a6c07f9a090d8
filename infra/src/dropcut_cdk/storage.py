"""What must outlive the pipeline: the photos, the cut-outs, the paid answers, and the table that remembers them.

Everything here stays when the stack is destroyed, but not when its first deployment fails: it is empty then.
"""

from dataclasses import replace

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct
from dropcut.core.item_kinds import HELD_INDEX
from dropcut.core.messages import LISTS, PAID, PREPARED

from dropcut_cdk.kinds import SettingsError
from dropcut_cdk.props import DropcutProps
from dropcut_cdk.trial import as_tried_out

DAYS_IN_QUEUES = 28
"""The longest that work can wait for a stage: 14 days in its queue, and 14 in its dead-letter queue."""
LIST_DAYS = 400
"""A back-fill's list of keys: longer than one runs that a daily limit holds back."""
ROUNDING_DAYS = 1
"""Lifecycle rules and TTL act at midnight UTC or later, never at the minute."""
_MADE_BY = (
    *("encryption_key", "keep_results_days", "keep_versions_days", "expire_delivered_days", "versioned_input"),
    "bundle_for",
)
"""Arguments that buckets or their lifecycle rules are made by."""


class Storage(Construct):
    """The work bucket, the state table, and the input and output bucket where none of somebody else's is given."""

    def __init__(self, scope: Construct, construct_id: str, props: DropcutProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props = as_tried_out(self, props)
        self._key = props.encryption_key
        # The embedded AWS knows `Retain` alone, and would delete by the other.
        self._kept = RemovalPolicy.RETAIN if props.for_embedded_aws else RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        self.input_bucket = self._input_bucket(props) if props.has_own_input else None
        self.output_bucket: s3.IBucket = props.output_bucket or self._bucket(
            "OutputBucket", keep_versions=props.keep_versions_days
        )
        self.work_bucket = self._bucket("WorkBucket", keep_versions=1)
        # What was prepared goes when it is paid for or refused, and at last when its message cannot wait any longer. A
        # paid answer lives as long as it is used again, and as its own photo's message can wait for its delivery.
        for name, prefix, days in (
            ("prepared", PREPARED, DAYS_IN_QUEUES),
            ("paid", PAID, max(props.keep_results_days, DAYS_IN_QUEUES)),
            ("lists", LISTS, LIST_DAYS),
        ):
            self.work_bucket.add_lifecycle_rule(id=name, prefix=prefix, expiration=Duration.days(days + ROUNDING_DAYS))
        self.state_table = self._state_table()

    def followed_by(self, props: DropcutProps) -> DropcutProps:
        """The arguments of a Dropcut, with what this was made by for what they leave at its default.

        So cut reuses answers for as long as the work bucket keeps them, and all is built for the same machine.

        Raises:
            SettingsError: a Dropcut asks for what its buckets, which are made by now, do not do.
        """
        made_by = {name: getattr(self._props, name) for name in _MADE_BY}
        asked = {name: getattr(props, name) for name in _MADE_BY}
        other = [name for name in _MADE_BY if asked[name] not in (made_by[name], getattr(DropcutProps, name))]
        if other:
            raise SettingsError(
                f"The given storage was made with other values of {', '.join(other)} than this Dropcut has, and its "
                "buckets follow their own. Allowed: the same values for `Storage` and `Dropcut`, or none for `Dropcut`."
            )
        return replace(props, **made_by)

    def _bucket(self, construct_id: str, *, versioned: bool = False, keep_versions: int) -> s3.Bucket:
        """A private bucket; `keep_versions` are days, and 0 means for ever.

        That one of our own is not versioned is no reason to leave the rule out: AWS Backup, say, turns versioning on.
        """
        bucket = s3.Bucket(
            self,
            construct_id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.KMS if self._key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=self._key,
            bucket_key_enabled=True if self._key else None,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=self._kept,
            versioned=versioned,
        )
        bucket.add_lifecycle_rule(id="interrupted-uploads", abort_incomplete_multipart_upload_after=Duration.days(7))
        if keep_versions:
            bucket.add_lifecycle_rule(
                id="older-versions",
                noncurrent_version_expiration=Duration.days(keep_versions),
                expired_object_delete_marker=True,
            )
        assert bucket.policy is not None
        bucket.policy.apply_removal_policy(self._kept)  # a bucket that stays stays TLS only
        return bucket

    def _input_bucket(self, props: DropcutProps) -> s3.Bucket:
        """Its events go to EventBridge, by the native property: CDK's own switch brings a function along."""
        bucket = self._bucket("InputBucket", versioned=props.versioned_input, keep_versions=props.keep_versions_days)
        if props.expire_delivered_days:
            bucket.add_lifecycle_rule(
                id="delivered",
                tag_filters={"dropcut": "delivered"},
                expiration=Duration.days(props.expire_delivered_days),
            )
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        return bucket

    def _state_table(self) -> dynamodb.Table:
        """Jobs, payments, pace and budget, by id.

        Without deletion protection: what is deleted by hand leaves a backup for 35 days, by point-in-time recovery.
        """
        table = dynamodb.Table(
            self,
            "StateTable",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.DEFAULT,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            removal_policy=self._kept,
        )
        # Sparse: it has only the jobs that are held, so that the old ones are found without a scan.
        table.add_global_secondary_index(
            index_name=HELD_INDEX,
            partition_key=dynamodb.Attribute(name="held_index", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="held_at", type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        return table
