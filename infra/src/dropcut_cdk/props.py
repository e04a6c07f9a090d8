"""The keyword arguments of `Dropcut`: the plain settings, and what only the CDK can say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, TypeVar

from dropcut_cdk.input import Input
from dropcut_cdk.kinds import YES_OR_NO, SettingsError, checked, several, text, thing
from dropcut_cdk.provider import Provider
from dropcut_cdk.settings import Settings

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_events as events
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_sns as sns
    from constructs import Construct

    from dropcut_cdk.storage import Storage

_NAME = text(r"[a-z][a-z0-9-]{0,62}", "1 to 63 of a-z, 0-9 and -, beginning with a letter")
_PROVIDER = thing("`Provider.ezlink(...)` or `Provider.stability(...)`", "credits_per_image")
_INPUTS = several(thing("an `Input(...)`", "event_filter"), at_least=1)
_TOPIC = thing("an `sns.ITopic` to which CloudWatch may publish", "topic_arn")
_ALARM_KEY = thing("a `kms.IKey` whose policy may be added to, or lets CloudWatch use it", "key_arn")
_BOUNDARY = thing("an `iam.IManagedPolicy`", "managed_policy_arn")
_RETENTION = thing("a `logs.RetentionDays`", "name")
_VPC = thing("an `ec2.IVpc` with private subnets", "vpc_id")
_BUS = thing("an `events.IEventBus`", "event_bus_arn")


@checked()
@dataclass(frozen=True, kw_only=True)
class DropcutProps(Settings):
    """Raises SettingsError: an argument is unknown, is not allowed, or contradicts another."""

    name: Annotated[str | None, _NAME] = None
    """Name of the deployment in its metrics, its secret and its dashboard; without one, it follows from the construct's
    place in the app."""
    provider: Annotated[Provider, _PROVIDER, "`Provider.ezlink()`"] = Provider.ezlink()
    """Whose API is called, and the secret with its key; without a secret, one is made, to be filled."""
    inputs: Annotated[Sequence[Input], _INPUTS, "all objects of a bucket of our own"] = (Input(),)
    """Where photos come from; more can be added by `add_input`."""
    output_bucket: Annotated["s3.IBucket | None", thing("an `s3.IBucket`", "bucket_arn"), "a bucket of our own"] = None
    """Where cut-outs go."""
    alarm_topic: Annotated["sns.ITopic | None", _TOPIC, "a topic of our own"] = None
    """Where alarms go."""
    alarm_key: Annotated["kms.IKey | None", _ALARM_KEY] = None
    """Encrypts the topic that is made here for alarms. Without one it is not encrypted: AWS's own key for SNS would let
    no alarm through."""
    pace_table: Annotated["dynamodb.ITable | None", thing("a `dynamodb.ITable`", "table_arn")] = None
    """The state table of another deployment that uses the same API key, so that both together keep the rate."""
    encryption_key: Annotated["kms.IKey | None", thing("a `kms.IKey`", "key_arn")] = None
    """Encrypts the buckets that are made here; without one, S3 does it with keys of its own."""
    vpc: Annotated["ec2.IVpc | None", _VPC] = None
    """Where the functions run: its private subnets need a way to the API, and to AWS (NAT, or endpoints)."""
    permissions_boundary: Annotated["iam.IManagedPolicy | None", _BOUNDARY] = None
    """Bounds every role that is made here."""
    log_retention: Annotated["logs.RetentionDays | None", _RETENTION, "`RetentionDays.ONE_MONTH`"] = None
    """How long the functions' logs are kept."""
    storage: Annotated["Storage | None", thing("a `Storage(...)`", "state_table")] = None
    """The buckets and the table, where they are made elsewhere, such as in a stack of their own. The settings that it
    was made by hold for this, too."""
    request_bus: Annotated["events.IEventBus | None", _BUS, "the account's default bus"] = None
    """Where events `Cutout Requested` are taken from (docs/events.md)."""
    request_accounts: Annotated[Sequence[str], several(text(r"\d{12}", "an account's twelve digits"))] = ()
    """Other accounts that may request cut-outs."""
    request_sources: Annotated[Sequence[str], several(text(r"[ -~]{1,256}", "1 to 256 ASCII characters"))] = ()
    """What an event's `source` has to begin with to be taken as a request: one of these. Without any, anything."""
    monitoring: Annotated[bool, YES_OR_NO] = True
    """Whether alarms and a dashboard are made; `Monitoring` can also be made elsewhere."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.provider.check_daily_limit(self.daily_credit_limit)
        given = self.storage
        if given and self.output_bucket and given.output_bucket is not self.output_bucket:
            raise SettingsError(
                "Settings storage and output_bucket name two output buckets. Allowed: the output bucket that `Storage` "
                "was made with."
            )
        if self.vpc and not (self.vpc.private_subnets or self.vpc.isolated_subnets):
            raise SettingsError(
                f"The vpc {self.vpc.node.path} has no private subnets, and a function in a public one reaches nothing. "
                "Allowed: a VPC with private subnets and a NAT, or none."
            )
        if self.alarm_key and self.alarm_topic:
            raise SettingsError(
                "Settings alarm_key and alarm_topic are both given, and the key is for a topic that is made here. "
                "Allowed: one of them."
            )
        if not given:  # its buckets are our own, and it was made by settings that were checked
            self._check_settings_of_own_buckets()

    @property
    def has_own_input(self) -> bool:
        """Whether photos come from a bucket of our own."""
        return any(photos.bucket is None for photos in self.inputs)

    def _check_settings_of_own_buckets(self) -> None:
        """Raises SettingsError: one would change nothing, since no bucket that it holds for is our own."""
        own_input, any_own = self.has_own_input, self.has_own_input or not self.output_bucket
        for name, holds, whose, instead in (
            ("versioned_input", own_input, "no input is", "versioning of your own bucket"),
            ("expire_delivered_days", own_input, "no input is", "a lifecycle rule of yours for dropcut=delivered"),
            ("keep_versions_days", any_own, "neither an input nor the output is", "lifecycle rules of yours"),
        ):
            value, default = getattr(self, name), getattr(DropcutProps, name)
            if value != default and not holds:
                raise SettingsError(
                    f"Setting {name} is {value!r}, and {whose} a bucket of our own. "
                    f"Allowed: {default!r}, and {instead}."
                )


P = ParamSpec("P")
Value = TypeVar("Value")


def keywords_of(
    value: Callable[P, Value],
) -> Callable[[Callable[[Any, "Construct", str, Value], None]], Callable[Concatenate[Any, "Construct", str, P], None]]:
    """Let a construct be made with the fields of a dataclass as keyword arguments.

    They are listed once, in the dataclass, and travel on as one value; editors and mypy see each of them.
    """

    def decorate(make: Callable[[Any, "Construct", str, Value], None]) -> Any:
        @wraps(make)
        def init(self: Any, scope: "Construct", construct_id: str, /, *args: P.args, **kwargs: P.kwargs) -> None:
            make(self, scope, construct_id, value(*args, **kwargs))

        three, listed = list(signature(make).parameters.values())[:3], signature(value).parameters.values()
        init.__signature__ = Signature([*three, *listed])  # type: ignore[attr-defined] # what `help` shows
        return init

    return decorate
