"""The keyword arguments of `Dropcut`: the plain settings, and what only the CDK can say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Signature, signature
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from dropcut_cdk.input import Input
from dropcut_cdk.kinds import YES_OR_NO, Kind, SettingsError, optional, setting, several, text, thing
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


def _optional(allowed: str, attribute: str) -> Kind:
    return optional(thing(allowed, with_attribute=attribute))


@dataclass(frozen=True, kw_only=True)
class DropcutProps(Settings):
    """Raises SettingsError: an argument is not allowed, or contradicts another."""

    name: str | None = setting(
        None,
        optional(text(r"[a-z][a-z0-9-]{0,62}", "1 to 63 of a-z, 0-9 and -, beginning with a letter")),
        "Name of the deployment in its metrics, its secret and its dashboard; without one, it follows from the "
        "construct's place in the app.",
    )
    provider: Provider = setting(
        Provider.ezlink(),
        thing("`Provider.ezlink(...)` or `Provider.stability(...)`", with_attribute="credits_per_image"),
        "Whose API is called, and the secret with its key; without a secret, one is made, to be filled.",
        shown_default="`Provider.ezlink()`",
    )
    inputs: Sequence[Input] = setting(
        (Input(),),
        several(thing("an `Input(...)`", with_attribute="event_filter"), at_least=1),
        "Where photos come from; more can be added by `add_input`.",
        shown_default="all objects of a bucket of our own",
    )
    output_bucket: s3.IBucket | None = setting(
        None, _optional("an `s3.IBucket`", "bucket_arn"), "Where cut-outs go.", shown_default="a bucket of our own"
    )
    alarm_topic: sns.ITopic | None = setting(
        None,
        _optional("an `sns.ITopic` to which CloudWatch may publish", "topic_arn"),
        "Where alarms go.",
        shown_default="a topic of our own",
    )
    alarm_key: kms.IKey | None = setting(
        None,
        _optional("a `kms.IKey` whose policy may be added to, or lets CloudWatch use it", "key_arn"),
        "Encrypts the topic that is made here for alarms. Without one it is not encrypted: AWS's own key for SNS would "
        "let no alarm through.",
    )
    pace_table: dynamodb.ITable | None = setting(
        None,
        _optional("a `dynamodb.ITable`", "table_arn"),
        "The state table of another deployment that uses the same API key, so that both together keep the rate.",
    )
    encryption_key: kms.IKey | None = setting(
        None,
        _optional("a `kms.IKey`", "key_arn"),
        "Encrypts the buckets that are made here; without one, S3 does it with keys of its own.",
    )
    vpc: ec2.IVpc | None = setting(
        None,
        _optional("an `ec2.IVpc`", "vpc_id"),
        "Where the functions run: its private subnets need a way to the API, and to AWS (NAT, or endpoints).",
    )
    permissions_boundary: iam.IManagedPolicy | None = setting(
        None, _optional("an `iam.IManagedPolicy`", "managed_policy_arn"), "Bounds every role that is made here."
    )
    log_retention: logs.RetentionDays | None = setting(
        None,
        _optional("a `logs.RetentionDays`", "name"),
        "How long the functions' logs are kept.",
        shown_default="`RetentionDays.ONE_MONTH`",
    )
    storage: Storage | None = setting(
        None,
        _optional("a `Storage(...)`", "state_table"),
        "The buckets and the table, where they are made elsewhere, such as in a stack of their own.",
    )
    request_bus: events.IEventBus | None = setting(
        None,
        _optional("an `events.IEventBus`", "event_bus_arn"),
        "Where events `Cutout Requested` are taken from (docs/events.md).",
        shown_default="the account's default bus",
    )
    request_accounts: Sequence[str] = setting(
        (), several(text(r"\d{12}", "an account's twelve digits")), "Other accounts that may request cut-outs."
    )
    request_sources: Sequence[str] = setting(
        (),
        several(text(r"[ -~]{1,256}", "1 to 256 ASCII characters")),
        "What an event's `source` has to begin with to be taken as a request: one of these. Without any, anything.",
    )
    monitoring: bool = setting(
        True, YES_OR_NO, "Whether alarms and a dashboard are made; `Monitoring` can also be made elsewhere."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.provider.check_daily_limit(self.daily_credit_limit)
        own_input = any(each.bucket is None for each in self.inputs)
        given = self.storage
        contradictions = (
            (
                given and self.output_bucket and given.output_bucket is not self.output_bucket,
                "Settings storage and output_bucket name two output buckets. Allowed: the output bucket that `Storage` "
                "was made with.",
            ),
            (
                given and not given.input_bucket and own_input,
                "An input names no bucket, and the given storage has no input bucket of our own. Allowed: a bucket for "
                "each input, or a `Storage` that is made with the same inputs.",
            ),
            (
                self.expire_delivered_days and not own_input,
                f"Setting expire_delivered_days is {self.expire_delivered_days}, and no input is a bucket of our own. "
                "Allowed: 0, and a lifecycle rule in your own bucket for what has the tag dropcut=delivered.",
            ),
            (
                self.alarm_key and self.alarm_topic,
                "Settings alarm_key and alarm_topic are both given, and the key is for a topic that is made here. "
                "Allowed: one of them.",
            ),
        )
        for wrong, said in contradictions:
            if wrong:
                raise SettingsError(said)


P = ParamSpec("P")
Value = TypeVar("Value")
Self = TypeVar("Self")


def keywords_of(
    value: Callable[P, Value],
) -> Callable[[Callable[[Self, Construct, str, Value], None]], Callable[Concatenate[Self, Construct, str, P], None]]:
    """Let a construct be made with the fields of a dataclass as keyword arguments.

    They are listed once, in the dataclass, and travel on as one value; editors and mypy see each of them.
    """

    def decorate(
        make: Callable[[Self, Construct, str, Value], None],
    ) -> Callable[Concatenate[Self, Construct, str, P], None]:
        def init(self: Self, scope: Construct, construct_id: str, /, *args: P.args, **kwargs: P.kwargs) -> None:
            make(self, scope, construct_id, value(*args, **kwargs))

        init.__doc__ = make.__doc__
        three, listed = list(signature(make).parameters.values())[:3], signature(value).parameters.values()
        init.__signature__ = Signature([*three, *listed])  # type: ignore[attr-defined] # what `help` shows
        return init

    return decorate
