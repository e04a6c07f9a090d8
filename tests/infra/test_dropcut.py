"""The construct in anybody's app: what it makes, what it takes, and what it refuses with a sentence."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dropcut.core.photo_source import PhotoSource, read_rendition_names, read_source_renditions, read_sources
from dropcut.core.rendition_setting import read_renditions
from jsonschema import Draft4Validator

from tests.judged import judged

from .synthesized import written_out

if TYPE_CHECKING:
    from aws_cdk import Stack

    from dropcut_cdk import Dropcut

Make = Callable[["Stack"], None]
Resources = Mapping[str, Any]


@pytest.fixture
def resources_of(tmp_path: Path) -> Callable[[Make], Resources]:
    """The resources of a stack that a test makes, by logical id."""
    from aws_cdk import App, Stack

    def resources_of(make: Make) -> Resources:
        app = App(outdir=str(tmp_path), context={"aws:cdk:bundling-stacks": []})
        make(Stack(app, "Shop"))
        app.synth()
        resources: Resources = json.loads((tmp_path / "Shop.template.json").read_text())["Resources"]
        return resources

    return resources_of


@pytest.fixture
def stack() -> "Stack":
    """A stack that is never synthesized."""
    from aws_cdk import App, Stack

    return Stack(App(context={"aws:cdk:bundling-stacks": []}), "Shop")


REQUESTS_ONLY = {
    "ForAllValues:StringEquals": {"events:detail-type": "Cutout Requested"},
    "Null": {"events:detail-type": "false"},
}


def of_kind(resources: Resources, kind: str) -> dict[str, Any]:
    return {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}


def a_bucket(stack: "Stack", name: str) -> Any:
    from aws_cdk import aws_s3 as s3

    return s3.Bucket.from_bucket_name(stack, name.title(), name)


def statements(resources: Resources, function: str) -> dict[str, Any]:
    """What a function may do, by the statements' names."""
    (role,) = [each for name, each in of_kind(resources, "AWS::IAM::Role").items() if f"{function}Role" in name]
    return {each["Sid"]: each for each in role["Policies"][0]["PolicyDocument"]["Statement"]}


# ---- what it makes


def test_without_arguments_it_has_buckets_functions_alarms_and_a_dashboard(
    resources_of: Callable[[Make], Resources],
) -> None:
    from dropcut_cdk import Dropcut

    def make(stack: "Stack") -> None:
        Dropcut(stack, "Cutouts")

    resources = resources_of(make)
    kinds = [each["Type"] for each in resources.values()]
    assert {kind: kinds.count(f"AWS::{kind}") for kind in ("S3::Bucket", "DynamoDB::Table", "Lambda::Function")} == {
        "S3::Bucket": 3,
        "DynamoDB::Table": 1,
        "Lambda::Function": 5,
    }
    assert all(name.startswith("Cutouts") for name in resources)
    assert kinds.count("AWS::CloudWatch::Alarm") == 9
    assert not [kind for kind in kinds if "Custom" in kind]


def test_two_of_them_live_side_by_side_in_one_stack(resources_of: Callable[[Make], Resources]) -> None:
    from dropcut_cdk import Dropcut

    def make(stack: "Stack") -> None:
        first, second = Dropcut(stack, "Shoes"), Dropcut(stack, "Hats", name="hats")
        assert (first.name != second.name) and second.name == "hats"

    resources = resources_of(make)
    names = {each["Name"] for each in of_kind(resources, "AWS::SecretsManager::Secret").values()}
    assert "hats-api-key" in names and len(names) == 2


@pytest.mark.parametrize("stages", [False, True])
@pytest.mark.parametrize("regions", [(None, None), ("eu-central-1", "eu-central-1"), ("eu-central-1", "us-east-1")])
def test_two_of_one_name_in_an_account_and_region_stop_the_synth(
    regions: tuple[str | None, str | None], stages: bool
) -> None:
    """They would share their metrics, secret and dashboard, which is found by the deployment at the earliest."""
    from aws_cdk import App, Environment, Stack, Stage

    from dropcut_cdk import Dropcut, SettingsError

    app = App(context={"aws:cdk:bundling-stacks": []})
    one, other = (
        Stack(
            Stage(app, f"Stage{number}") if stages else app,
            f"Shop{number}",
            env=Environment(account="111122223333", region=region) if region else None,
        )
        for number, region in enumerate(regions)
    )
    Dropcut(one, "Shoes", name="hats")
    may_be_elsewhere = stages and regions == (None, None)
    refused = len(set(regions)) == 1 and not may_be_elsewhere
    with pytest.raises(SettingsError, match=r"name is 'hats', as in .*Allowed:") if refused else nullcontext():
        Dropcut(other, "Hats", name="hats")


def test_its_stack_says_what_the_operators_command_needs(tmp_path: Path) -> None:
    """Under the path of each, so that several have room in a stack; alarms name the command on their own one."""
    from aws_cdk import App, Stack

    from dropcut_cdk import Dropcut

    app = App(outdir=str(tmp_path), context={"aws:cdk:bundling-stacks": []})
    stack = Stack(app, "Shop")
    first = Dropcut(stack, "Cutouts")
    Dropcut(stack, "Others", monitoring=False)
    app.synth()
    template = json.loads((tmp_path / "Shop.template.json").read_text())
    others = set(first.outputs) - {"AlarmTopicArn", "DashboardName"}
    assert set(template["Outputs"]) == {f"Cutouts{name}" for name in first.outputs} | {f"Others{n}" for n in others}
    alarms = of_kind(template["Resources"], "AWS::CloudWatch::Alarm").values()
    assert all("--stack Shop/Cutouts" in json.dumps(alarm["AlarmDescription"]) for alarm in alarms)


def test_help_shows_every_argument_with_its_default() -> None:
    from inspect import signature

    from dropcut_cdk import Dropcut

    arguments = signature(Dropcut.__init__).parameters
    assert list(arguments)[:3] == ["self", "scope", "construct_id"]
    assert (arguments["daily_credit_limit"].default, arguments["output_bucket"].default) == (0.0, None)


def test_its_parts_are_at_hand(stack: "Stack") -> None:
    from dropcut_cdk import Dropcut

    cutouts = Dropcut(stack, "Cutouts")
    assert set(cutouts.queues) == set(cutouts.dead_letter_queues) == {"intake", "cut", "deliver"}
    assert set(cutouts.functions) == {"prepare", "cut", "deliver", "gatekeeper", "feeder"}
    assert len(cutouts.alarms) == 9 and cutouts.dashboard is not None
    assert cutouts.input_bucket is cutouts.storage.input_bucket
    bare = Dropcut(stack, "Bare", monitoring=False)
    assert (bare.alarms, bare.dashboard) == ((), None)


# ---- buckets that were there before


def test_each_input_has_a_rule_with_what_eventbridge_can_see(resources_of: Callable[[Make], Resources]) -> None:
    from dropcut_cdk import Dropcut, Input

    def make(stack: "Stack") -> None:
        photos = Input(
            bucket=a_bucket(stack, "photos"),
            prefix="up\\loads/",
            suffixes=[".jpg", ".Heic"],
            smallest_bytes=1000,
            largest_mib=50,
            tag=("cut", "yes"),
        )
        cutouts = Dropcut(stack, "Cutouts", inputs=[photos])
        cutouts.add_input(a_bucket(stack, "others"), prefix="new/")

    resources = resources_of(make)
    rules = of_kind(resources, "AWS::Events::Rule")
    details = [rule["EventPattern"]["detail"] for name, rule in sorted(rules.items()) if "UploadsRule" in name]
    assert details == [
        {"bucket": {"name": ["others"]}, "object": {"key": [{"prefix": "new/"}]}},
        {
            "bucket": {"name": ["photos"]},
            "object": {
                "key": [
                    {"wildcard": f"up\\\\loads/*{ending}"} for ending in (".jpg", ".JPG", ".Heic", ".heic", ".HEIC")
                ],
                "size": [{"numeric": [">=", 1000, "<=", 50 * 1024 * 1024]}],
            },
        },
    ]
    (variables,) = [
        each["Environment"]["Variables"]
        for name, each in of_kind(resources, "AWS::Lambda::Function").items()
        if "Prepare" in name
    ]
    assert read_sources(written_out(variables["INPUTS"])) == (
        PhotoSource(
            bucket="photos",
            prefix="up\\loads/",
            suffixes=(".jpg", ".Heic"),
            smallest_bytes=1000,
            largest_bytes=50 * 1024 * 1024,
            tag=("cut", "yes"),
        ),
        PhotoSource(bucket="others", prefix="new/"),
    )


def test_a_queues_policy_has_room_for_twenty_inputs(resources_of: Callable[[Make], Resources]) -> None:
    """SQS takes 20 statements in a policy, and 10 conditions."""
    from dropcut_cdk import Dropcut

    def make(stack: "Stack") -> None:
        cutouts, photos = Dropcut(stack, "Cutouts", monitoring=False), a_bucket(stack, "photos")
        for number in range(19):
            cutouts.add_input(photos, prefix=f"{number}/")

    policies = [each["PolicyDocument"] for each in of_kind(resources_of(make), "AWS::SQS::QueuePolicy").values()]
    of_rules = [s for policy in policies for s in policy["Statement"] if s["Effect"] == "Allow"]
    assert max(len(policy["Statement"]) for policy in policies) == 2
    assert max(len(each["Condition"]["ArnEquals"]["aws:SourceArn"]) for each in of_rules) == 20 + 1  # for requests


def test_a_bucket_whose_name_is_not_known_counts_as_63_characters(stack: "Stack") -> None:
    """The longest that a bucket may have; eleven were refused."""
    from aws_cdk import aws_s3 as s3

    from dropcut_cdk import Dropcut

    cutouts = Dropcut(stack, "Cutouts")
    for number in range(14):
        cutouts.add_input(s3.Bucket(stack, f"Bucket{number}"))


def test_a_filter_that_is_too_long_for_eventbridge_is_a_sentence(stack: "Stack") -> None:
    from dropcut_cdk import Dropcut, SettingsError

    cutouts, photos = Dropcut(stack, "Cutouts"), a_bucket(stack, "photos")
    suffixes = [".jpg", ".jpeg", ".heic", ".png", ".webp", ".tiff", ".avif"]
    cutouts.add_input(photos, suffixes=suffixes)
    with pytest.raises(SettingsError, match=r"prefix 'aaa.* have up to 2,\d+ characters. Allowed: 2,048, EventBridge"):
        cutouts.add_input(photos, prefix="a" * 158, suffixes=suffixes)
    with pytest.raises(SettingsError, match=r"event pattern of requests .* by fewer or shorter request_sources"):
        Dropcut(stack, "Others", request_sources=[f"{number}".rjust(250, ".") for number in range(9)])


def test_a_suffix_alone_needs_no_wildcard(stack: "Stack") -> None:
    """EventBridge takes 30 rules with wildcards on a bus."""
    from dropcut_cdk import Input

    wanted = Input(a_bucket(stack, "photos"), suffixes=[".jpg"]).event_filter()["object"]
    assert wanted == {"key": [{"suffix": ".jpg"}, {"suffix": ".JPG"}]}


def test_of_anothers_buckets_it_may_read_what_it_takes_and_write_cutouts(
    resources_of: Callable[[Make], Resources],
) -> None:
    from dropcut_cdk import Dropcut, Input

    def make(stack: "Stack") -> None:
        photos = Input(bucket=a_bucket(stack, "photos"), prefix="new/")
        Dropcut(stack, "Cutouts", inputs=[photos], output_bucket=a_bucket(stack, "shop"))

    resources = resources_of(make)
    assert len(of_kind(resources, "AWS::S3::Bucket")) == 1  # for work
    read, write = statements(resources, "Prepare")["UsePhotos"], statements(resources, "Deliver")["WriteCutouts"]
    assert written_out(read["Resource"]) == "arn:<AWS::Partition>:s3:::photos/new/*"
    assert written_out(write["Resource"]) == "arn:<AWS::Partition>:s3:::shop/*"


def test_a_bucket_of_the_same_app_is_switched_on_and_keeps_its_notifications(
    resources_of: Callable[[Make], Resources],
) -> None:
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_s3_notifications as notifications
    from aws_cdk import aws_sns as sns

    from dropcut_cdk import Dropcut

    def make(stack: "Stack") -> None:
        bucket = s3.Bucket(stack, "Photos")
        Dropcut(stack, "Cutouts").add_input(bucket)
        bucket.add_event_notification(s3.EventType.OBJECT_REMOVED, notifications.SnsDestination(sns.Topic(stack, "T")))

    (notified,) = of_kind(resources_of(make), "Custom::S3BucketNotifications").values()
    assert notified["Managed"] is True  # it writes these alone
    configuration = notified["NotificationConfiguration"]
    assert configuration["EventBridgeConfiguration"] == {}
    assert len(configuration["TopicConfigurations"]) == 1


def test_of_an_imported_bucket_synth_reminds_of_its_notifications(stack: "Stack") -> None:
    """Without EventBridge in them its photos would be lost without a word."""
    from dropcut_cdk import Dropcut, Input

    own = Dropcut(stack, "Own")
    imported = Dropcut(stack, "Imported", inputs=[Input(bucket=a_bucket(stack, "photos"))])
    switched_on = a_bucket(stack, "switched")
    switched_on.enable_event_bridge_notification()
    imported.add_input(switched_on)

    def warnings(of: Dropcut) -> str:
        return "\n".join(str(entry.data) for entry in of.node.metadata if entry.type == "aws:cdk:warning")

    reminder = "Without EventBridge in the notifications of the bucket Photos"
    assert reminder in warnings(imported) and "Call its enable_event_bridge_notification()" in warnings(imported)
    assert "Switched" not in warnings(imported)
    assert reminder not in warnings(own)


# ---- loops, and photos that come in twice


def output_into_input(stack: "Stack", **options: Any) -> None:
    from dropcut_cdk import Dropcut, Input

    bucket = a_bucket(stack, "photos")
    Dropcut(stack, "Cutouts", inputs=[Input(bucket=bucket, prefix="up/")], output_bucket=bucket, **options)


def test_an_output_that_feeds_its_own_input_is_a_loop(stack: "Stack") -> None:
    from dropcut_cdk import SettingsError

    with pytest.raises(SettingsError, match="each cut-out would be a new photo, without end: rendition 'full'"):
        output_into_input(stack)


def test_a_bucket_is_the_same_by_its_name_however_the_app_came_by_it(stack: "Stack") -> None:
    from aws_cdk import aws_s3 as s3

    from dropcut_cdk import Dropcut, Input, SettingsError

    made, imported = s3.Bucket(stack, "Made", bucket_name="photos"), a_bucket(stack, "photos")
    with pytest.raises(SettingsError, match="each cut-out would be a new photo"):
        Dropcut(stack, "Loop", inputs=[Input(made)], output_bucket=imported)
    with pytest.raises(SettingsError, match="Two inputs take the same photos"):
        Dropcut(stack, "Twice", inputs=[Input(imported), Input(made, renditions=["web"])])


def test_an_output_beside_the_inputs_prefix_is_none(stack: "Stack") -> None:
    output_into_input(stack, renditions=[{"name": "out", "key": "cutouts/{folder}{stem}.{extension}"}])


def test_what_is_held_can_make_a_loop_too(stack: "Stack") -> None:
    from dropcut_cdk import Dropcut, Input, SettingsError

    bucket, beside = a_bucket(stack, "photos"), [{"name": "out", "key": "cutouts/{folder}{stem}.{extension}"}]
    inputs = [Input(bucket=bucket, prefix="held/")]
    Dropcut(stack, "Cutouts", inputs=inputs, output_bucket=bucket, renditions=beside)
    with pytest.raises(SettingsError, match="goes to held/cutouts/"):
        Dropcut(stack, "More", inputs=inputs, output_bucket=bucket, renditions=beside, hold_doubtful=True)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ({"prefix": "a/"}, {"prefix": "b/"}, True),
        ({"prefix": "a/"}, {"prefix": "a/b/"}, False),
        ({}, {"prefix": "a/"}, False),
        ({"suffixes": [".jpg"]}, {"suffixes": [".png"]}, True),
        ({"suffixes": [".jpg"]}, {"suffixes": ["-1.JPG"]}, False),
        ({"tag": ("a", "1")}, {"tag": ("a", "2")}, False),  # deliver, which makes the renditions, sees no tag
    ],
)
def test_one_photo_is_not_made_into_two_things(
    stack: "Stack", one: dict[str, Any], other: dict[str, Any], apart: bool
) -> None:
    from dropcut_cdk import Dropcut, Input, SettingsError

    photos = a_bucket(stack, "photos")

    def inputs(number: int, *renditions: list[str]) -> "Dropcut":
        both = [
            Input(bucket=photos, renditions=made, **which) for which, made in zip((one, other), renditions, strict=True)
        ]
        return Dropcut(stack, f"Cutouts{number}", inputs=both)

    inputs(1, ["web"], ["web"])
    if apart:
        inputs(2, ["web"], ["full"])
    else:
        with pytest.raises(SettingsError, match="take the same photos"):
            inputs(2, ["web"], ["full"])


def test_photos_of_one_input_can_have_renditions_of_their_own(resources_of: Callable[[Make], Resources]) -> None:
    from dropcut_cdk import Dropcut, Input

    def make(stack: "Stack") -> None:
        photos = a_bucket(stack, "photos")
        people = Input(bucket=photos, prefix="people/", renditions=["web", "preview"])
        Dropcut(stack, "Cutouts", inputs=[Input(bucket=photos, prefix="shoes/"), people], output_format="webp")

    functions = of_kind(resources_of(make), "AWS::Lambda::Function")
    variables, of_prepare = (
        next(each["Environment"]["Variables"] for name, each in functions.items() if stage in name)
        for stage in ("Deliver", "Prepare")
    )
    names = read_rendition_names(written_out(of_prepare["RENDITION_NAMES"]))
    assert (names("photos", "people/1.jpg"), names("photos", "shoes/1.jpg")) == (["web", "preview"], ["full"])
    ((source, renditions),) = read_source_renditions(written_out(variables["INPUT_RENDITIONS"]))
    assert (source.prefix, [made.name for made in renditions]) == ("people/", ["web", "preview"])
    assert [made.format for made in read_renditions(variables["RENDITIONS"])] == ["webp"]
    assert variables["IMAGING_SECONDS"] == "50"  # for the longer list


def test_an_input_that_comes_later_may_not_need_more_than_deliver_has(stack: "Stack") -> None:
    from dropcut_cdk import Dropcut, SettingsError

    cutouts = Dropcut(stack, "Cutouts")
    cutouts.add_input(a_bucket(stack, "photos"), prefix="a/", renditions=["web"])
    with pytest.raises(SettingsError, match="the same input among the argument `inputs`"):
        cutouts.add_input(a_bucket(stack, "others"), renditions=["full", "web"])


# ---- what is refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"output_bucket": "shop"}, "Setting output_bucket is 'shop': of another type. Allowed: an s3.IBucket."),
        ({"max_attempts": "5"}, "Setting max_attempts is '5': not a whole number. Allowed: a whole number from 1"),
        ({"daily_credit_limit": 1}, "daily_credit_limit is 1, less than one cut-out costs"),
        ({"renditions": ["ful"]}, "Did you mean full?"),
        ({"inputs": []}, "Setting inputs is []: too few. Allowed: a list of at least 1, each an Input(...)."),
        ({"webhook_events": "delivered"}, "Setting webhook_events is 'delivered': does not fit. Allowed: a list, or a"),
        ({"provider": "stability"}, "Allowed: Provider.ezlink(...) or Provider.stability(...)."),
        ({"name": "Shop 1"}, "Setting name is 'Shop 1': does not fit. Allowed: 1 to 63 of a-z"),
    ],
)
def test_a_wrong_argument_is_a_sentence_with_its_name(stack: "Stack", arguments: dict[str, Any], said: str) -> None:
    from dropcut_cdk import Dropcut, SettingsError

    with pytest.raises(SettingsError) as refusal:
        Dropcut(stack, "Cutouts", **arguments)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prefix": "/a"}, "prefix of an Input is '/a': does not fit. Allowed: up to 512 ASCII characters"),
        (
            {"suffixes": ".jpg"},
            "suffixes of an Input is '.jpg': not a list. Allowed: a list, each 1 to 64",
        ),
        ({"suffixes": ["*.jpg"]}, "suffixes of an Input is ['*.jpg']: does not fit"),
        ({"tag": "cut=yes"}, "tag of an Input is 'cut=yes': not a tag's key and value"),
        ({"tag": ("dropcut", "delivered")}, "the key dropcut is ours"),
        ({"tag": ("k" * 129, "yes")}, "not a tag's key and value. Allowed: a tag's key and value"),
        ({"tag": ("cut", "v" * 257)}, "up to 128 and 256 characters"),
        ({"largest_mib": 0}, "largest_mib of an Input is 0: out of range"),
        ({"largest_mib": 5000}, "largest_mib of an Input is 5000: out of range"),
        ({"smallest_bytes": 5_000_000_001}, "smallest_bytes of an Input is 5000000001: out of range"),
        (
            {"smallest_bytes": 1_048_577, "largest_mib": 1},
            "is 1048577, more than its largest_mib (1): no photo is taken",
        ),
        ({"bucket": "photos"}, "bucket of an Input is 'photos': of another type. Allowed: an s3.IBucket."),
    ],
)
def test_a_wrong_argument_of_an_input_is_a_sentence_too(arguments: dict[str, Any], said: str) -> None:
    from dropcut_cdk import Input, SettingsError

    with pytest.raises(SettingsError) as refusal:
        Input(**arguments)
    assert said in str(refusal.value)


def test_the_bucket_of_an_input_is_its_one_argument_by_place(stack: "Stack") -> None:
    from dropcut_cdk import Input, SettingsError

    photos = a_bucket(stack, "photos")
    assert Input(photos, prefix="up/") == Input(bucket=photos, prefix="up/")
    with pytest.raises(SettingsError, match="bucket of an Input is 'photos': of another type"):
        # Each of these is wrong on purpose.
        Input("photos")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="too many positional arguments"):
        Input(photos, "up/")  # type: ignore[misc]
    with pytest.raises(TypeError, match="multiple values for keyword argument 'bucket'"):
        Input(photos, bucket=photos)  # type: ignore[misc]


@pytest.mark.parametrize("make", ["Dropcut", "Input", "add_input"])
@pytest.mark.parametrize(("name", "near"), [("prefx", "prefix"), ("max_atempts", "max_attempts"), ("zzz", None)])
def test_an_unknown_argument_is_a_sentence_with_the_nearest_and_all_there_are(
    stack: "Stack", make: str, name: str, near: str | None
) -> None:
    from dropcut_cdk import Dropcut, Input, SettingsError

    photos, wrong = a_bucket(stack, "photos"), {name: "a/"}
    known = {"Dropcut": {"max_attempts", "inputs", "alarm_topic"}}.get(make, {"prefix", "suffixes", "renditions"})
    with pytest.raises(SettingsError, match=rf"There is no .*\b{name}\b.* \(given as 'a/'\)\. ") as refusal:
        if make == "Dropcut":
            Dropcut(stack, "Cutouts", **wrong)
        elif make == "Input":
            Input(**wrong)
        else:
            Dropcut(stack, "Cutouts").add_input(photos, **wrong)
    said, _, allowed = str(refusal.value).partition("Allowed: ")
    assert known <= set(re.findall(r"\w+", allowed))
    assert (f"Did you mean {near}? " in said) is (near in known)
    assert ("Did you mean" in said) is (near in known)


def test_a_duration_of_the_cdk_is_taken_where_a_setting_counts_time() -> None:
    from aws_cdk import Duration

    from dropcut_cdk import DropcutProps, SettingsError

    given: dict[str, Any] = {"keep_results_days": Duration.hours(48), "rate_limit_seconds": Duration.millis(2500)}
    props = DropcutProps(**given)
    assert (props.keep_results_days, props.rate_limit_seconds) == (2, 2.5)
    wrong: dict[str, Any]
    for wrong, said in (
        ({"keep_results_days": Duration.hours(36)}, "keep_results_days is 1.5: not a whole number"),
        ({"imaging_seconds": Duration.days(1)}, "imaging_seconds is 86400: out of range"),
        ({"max_attempts": Duration.days(1)}, "max_attempts is .*Duration.*: not a whole number"),
    ):
        with pytest.raises(SettingsError, match=said):
            DropcutProps(**wrong)


def test_a_providers_secret_by_its_name_is_a_sentence_too() -> None:
    from dropcut_cdk import Provider, SettingsError

    with pytest.raises(SettingsError, match="secret of the provider is 'my-key': of another type"):
        Provider.stability("my-key")  # type: ignore[arg-type]


def test_arguments_that_contradict_a_given_storage_are_a_sentence(stack: "Stack") -> None:
    from dropcut_cdk import Dropcut, DropcutProps, Input, SettingsError, Storage

    own = Storage(stack, "Own", DropcutProps())
    with pytest.raises(SettingsError, match="name two output buckets"):
        Dropcut(stack, "Two", storage=own, output_bucket=a_bucket(stack, "shop"))
    photos = Input(bucket=a_bucket(stack, "photos"))
    without_input = Storage(stack, "Others", DropcutProps(inputs=[photos]))
    with pytest.raises(SettingsError, match="no bucket of our own was made for one"):
        Dropcut(stack, "None", storage=without_input)
    right = Dropcut(stack, "Right", storage=without_input, inputs=[photos])
    assert right.storage is without_input
    with pytest.raises(SettingsError, match="An input names no bucket"):
        # Wrong on purpose.
        right.add_input(None, prefix="more/")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("keep_results_days", 300),
        ("keep_versions_days", 7),
        ("expire_delivered_days", 30),
        ("versioned_input", True),
        ("bundle_for", "this_machine"),
        ("encryption_key", None),
    ],
)
def test_an_argument_that_the_given_storage_does_not_follow_is_a_sentence(
    stack: "Stack", setting: str, value: object
) -> None:
    """Photos would lie in buckets that are not encrypted as asked, or answers would go before they are used."""
    from aws_cdk import aws_kms as kms

    from dropcut_cdk import Dropcut, DropcutProps, SettingsError, Storage

    wanted: dict[str, Any] = {setting: value or kms.Key(stack, "Key")}
    with pytest.raises(SettingsError, match=rf"made with other values of {setting} than this Dropcut has"):
        Dropcut(stack, "Other", storage=Storage(stack, "Own", DropcutProps()), **wanted)
    same = Storage(stack, "Same", DropcutProps(**wanted))
    assert Dropcut(stack, "Right", storage=same, **wanted).storage is same


@pytest.mark.parametrize("repeated", [True, False])
@pytest.mark.parametrize(
    ("setting", "value"), [("keep_versions_days", 30), ("versioned_input", True), ("expire_delivered_days", 30)]
)
def test_the_buckets_of_a_given_storage_count_as_our_own(
    stack: "Stack", setting: str, value: object, repeated: bool
) -> None:
    """They may be named as an input's and the output's: that was refused with any value."""
    from dropcut_cdk import Dropcut, DropcutProps, Input, Storage

    wanted: dict[str, Any] = {setting: value}
    storage = Storage(stack, "Own", DropcutProps(**wanted))
    photos = Input(bucket=storage.input_bucket, prefix="a/")
    again = wanted if repeated else {}
    Dropcut(stack, "Cutouts", storage=storage, inputs=[photos], output_bucket=storage.output_bucket, **again)


def test_what_a_dropcut_does_not_say_follows_its_storage(
    stack: "Stack", resources_of: Callable[[Make], Resources]
) -> None:
    """Else cut would reuse answers that are gone, or pay again for some that are kept."""
    from dropcut_cdk import Dropcut, DropcutProps, SettingsError, Storage

    def make(stack: "Stack") -> None:
        Dropcut(stack, "Cutouts", storage=Storage(stack, "Own", DropcutProps(keep_results_days=10)))

    functions = of_kind(resources_of(make), "AWS::Lambda::Function").values()
    kept = {each["Environment"]["Variables"].get("KEEP_RESULTS_DAYS") for each in functions}
    assert kept == {"10", None}  # of cut, and of those that do not ask
    short = Storage(stack, "Short", DropcutProps(keep_results_days=10))
    with pytest.raises(SettingsError, match="keep_results_days is 10, and cut-outs are held for 14 days"):
        Dropcut(stack, "Held", storage=short, hold_doubtful=True)


def test_a_given_storage_is_tried_out_as_its_dropcut_is() -> None:
    from aws_cdk import App, Stack

    from dropcut_cdk import Dropcut, DropcutProps, Storage

    stack = Stack(App(context={"aws:cdk:bundling-stacks": [], "dropcut:bundle_for": "this_machine"}), "Shop")
    Dropcut(stack, "Cutouts", storage=Storage(stack, "Storage", DropcutProps()))


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("expire_delivered_days", 30, "is 30, and no input is a bucket of our own. Allowed: 0, and a lifecycle rule"),
        ("versioned_input", True, "is True, and no input is a bucket of our own. Allowed: False, and versioning"),
        ("keep_versions_days", 7, "is 7, and neither an input nor the output is a bucket of our own. Allowed: 90, and"),
    ],
)
def test_a_setting_of_our_own_buckets_is_refused_where_all_are_anothers(
    stack: "Stack", setting: str, value: object, said: str
) -> None:
    from dropcut_cdk import DropcutProps, Input, SettingsError

    wanted: dict[str, Any] = {setting: value}
    photos, shop = Input(bucket=a_bucket(stack, "photos")), a_bucket(stack, "shop")
    with pytest.raises(SettingsError, match=re.escape(f"Setting {setting} {said}")):
        DropcutProps(inputs=[photos], output_bucket=shop, **wanted)
    assert getattr(DropcutProps(inputs=[photos, Input()], output_bucket=shop, **wanted), setting) == value
    DropcutProps(inputs=[photos], output_bucket=shop)


def test_older_cutouts_of_our_own_output_bucket_may_go_whosever_the_photos_are(stack: "Stack") -> None:
    from dropcut_cdk import DropcutProps, Input

    assert DropcutProps(inputs=[Input(bucket=a_bucket(stack, "photos"))], keep_versions_days=7).keep_versions_days == 7


def test_a_vpc_without_private_subnets_is_a_sentence(stack: "Stack") -> None:
    from aws_cdk import aws_ec2 as ec2

    from dropcut_cdk import Dropcut, SettingsError

    subnet = ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC)
    with pytest.raises(SettingsError, match=r"vpc Shop/Vpc has no private subnets.* Allowed: a VPC with private"):
        Dropcut(stack, "Cutouts", vpc=ec2.Vpc(stack, "Vpc", subnet_configuration=[subnet]))


@pytest.mark.parametrize("what", ["encryption_key", "alarm_key", "output_bucket", "bucket of an", "secret of the"])
@pytest.mark.parametrize("imported", [True, False])
def test_a_kms_key_by_its_alias_is_refused_wherever_one_is_used(stack: "Stack", what: str, imported: bool) -> None:
    """A policy that names an alias allows nothing: every photo would end in AccessDenied."""
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_secretsmanager as secretsmanager

    from dropcut_cdk import Dropcut, Input, Provider, SettingsError

    name = "alias/photos"
    alias = kms.Alias.from_alias_name(stack, "Key", name) if imported else kms.Key(stack, "Key").add_alias(name)
    bucket = s3.Bucket.from_bucket_attributes(stack, "Bucket", bucket_name="photos", encryption_key=alias)
    with pytest.raises(SettingsError, match=rf"{what} .*its KMS key is an alias.*Key.from_key_arn"):
        if what == "bucket of an":
            Input(bucket)
        elif what == "output_bucket":
            Dropcut(stack, "Cutouts", output_bucket=bucket)
        elif what == "secret of the":
            Provider.ezlink(secretsmanager.Secret(stack, "Secret", encryption_key=alias))
        else:
            # mypy cannot tell which argument it is.
            Dropcut(stack, "Cutouts", **{what: alias})  # type: ignore[arg-type]


def test_a_key_for_a_topic_that_is_not_made_is_refused(stack: "Stack") -> None:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_sns as sns

    from dropcut_cdk import Dropcut, SettingsError

    with pytest.raises(SettingsError, match="alarm_key and alarm_topic are both given"):
        Dropcut(stack, "Cutouts", alarm_key=kms.Key(stack, "Key"), alarm_topic=sns.Topic(stack, "Topic"))


# ---- what of the account's own it uses


def test_a_secret_of_ones_own_is_read_and_none_is_made(resources_of: Callable[[Make], Resources]) -> None:
    from aws_cdk import aws_secretsmanager as secretsmanager

    from dropcut_cdk import Dropcut, Provider

    def make(stack: "Stack") -> None:
        secret = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "shop/stability")
        Dropcut(stack, "Cutouts", provider=Provider.stability(secret))

    resources = resources_of(make)
    assert not of_kind(resources, "AWS::SecretsManager::Secret")
    read = written_out(statements(resources, "Cut")["ReadKey"]["Resource"])
    assert read.endswith(":secret:shop/stability-??????")
    variables = next(
        each["Environment"]["Variables"]
        for name, each in of_kind(resources, "AWS::Lambda::Function").items()
        if "CutCode" in name
    )
    assert written_out(variables["API_KEY_SECRET"]) == read.removesuffix("-??????")
    assert (variables["PROVIDER"], variables["CREDITS_PER_IMAGE"]) == ("stability", "5")


def test_a_key_a_network_a_boundary_and_a_topic_of_ones_own_are_used(
    resources_of: Callable[[Make], Resources],
) -> None:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_sns as sns

    from dropcut_cdk import Dropcut

    def make(stack: "Stack") -> None:
        Dropcut(
            stack,
            "Cutouts",
            encryption_key=kms.Key(stack, "Key"),
            vpc=ec2.Vpc(stack, "Network"),
            permissions_boundary=iam.ManagedPolicy.from_managed_policy_name(stack, "Bounds", "bounds"),
            log_retention=logs.RetentionDays.ONE_WEEK,
            alarm_topic=sns.Topic(stack, "Topic"),
        )

    resources = resources_of(make)
    ours = {name: each for name, each in resources.items() if name.startswith("Cutouts")}
    for bucket in of_kind(ours, "AWS::S3::Bucket").values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms" and rule["BucketKeyEnabled"] is True
    for stage in ("Prepare", "Cut", "Deliver"):
        use, join = (statements(resources, stage)[sid] for sid in ("UseKeys", "JoinVpc"))
        assert use["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
        assert written_out(use["Condition"]["StringEquals"]["kms:ViaService"]) == "s3.<AWS::Region>.<AWS::URLSuffix>"
        assert "ec2:CreateNetworkInterface" in join["Action"]
        assert join["Condition"] == {"Null": {"lambda:SourceFunctionArn": "true"}}  # Lambda's, not its code's
    feeder = statements(resources, "Feeder")  # reads lists of keys, and writes none
    assert feeder["ReadKeys"]["Action"] == "kms:Decrypt" and "UseKeys" not in feeder
    assert all(each["VpcConfig"]["SubnetIds"] for each in of_kind(ours, "AWS::Lambda::Function").values())
    assert all("bounds" in json.dumps(role["PermissionsBoundary"]) for role in of_kind(ours, "AWS::IAM::Role").values())
    assert {group["RetentionInDays"] for group in of_kind(ours, "AWS::Logs::LogGroup").values()} == {7}
    assert not of_kind(ours, "AWS::SNS::Topic") and not of_kind(ours, "AWS::KMS::Key")


@pytest.mark.parametrize("later", [False, True])
def test_the_cdks_role_that_switches_eventbridge_on_is_bounded_too(
    resources_of: Callable[[Make], Resources], later: bool
) -> None:
    """Where a boundary is demanded, one role without it fails the whole deployment."""
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_s3 as s3

    from dropcut_cdk import Dropcut, Input

    def make(stack: "Stack") -> None:
        photos, bounds = s3.Bucket(stack, "Photos"), iam.ManagedPolicy.from_managed_policy_name(stack, "B", "bounds")
        inputs = [Input()] if later else [Input(photos)]
        cutouts = Dropcut(stack, "Cutouts", permissions_boundary=bounds, inputs=inputs)
        if later:
            cutouts.add_input(photos)

    roles = of_kind(resources_of(make), "AWS::IAM::Role")
    assert any(name.startswith("BucketNotificationsHandler") for name in roles)
    assert not [name for name, role in roles.items() if "PermissionsBoundary" not in role]


def test_the_key_of_an_input_is_for_reading_alone(resources_of: Callable[[Make], Resources]) -> None:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3 as s3

    from dropcut_cdk import Dropcut, Input

    def bucket(stack: "Stack", name: str) -> s3.IBucket:
        key = kms.Key.from_key_arn(stack, f"{name}Key", f"arn:aws:kms:eu-central-1:111122223333:key/{name}")
        return s3.Bucket.from_bucket_attributes(stack, name, bucket_name=name, encryption_key=key)

    def make(stack: "Stack") -> None:
        Dropcut(stack, "Cutouts", inputs=[Input(bucket=bucket(stack, "photos"))], output_bucket=bucket(stack, "shop"))

    resources = resources_of(make)
    for stage in ("Prepare", "Deliver"):
        read = statements(resources, stage)["ReadKeys"]
        assert (read["Action"], read["Resource"].rpartition("/")[2]) == ("kms:Decrypt", "photos")
    assert statements(resources, "Deliver")["UseKeys"]["Resource"].endswith("key/shop")
    assert "UseKeys" not in statements(resources, "Prepare")


def test_a_key_of_ones_own_encrypts_the_alarm_topic_and_cloudwatch_may_use_it(
    resources_of: Callable[[Make], Resources],
) -> None:
    from aws_cdk import aws_kms as kms

    from dropcut_cdk import Dropcut

    resources = resources_of(lambda stack: Dropcut(stack, "Cutouts", alarm_key=kms.Key(stack, "Key")))
    (topic,), (key,) = (of_kind(resources, kind).values() for kind in ("AWS::SNS::Topic", "AWS::KMS::Key"))
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [next(iter(of_kind(resources, "AWS::KMS::Key"))), "Arn"]}
    (use,) = [s for s in key["KeyPolicy"]["Statement"] if s.get("Sid") == "AlarmsMayEncrypt"]
    assert (use["Principal"], use["Action"]) == (
        {"Service": "cloudwatch.amazonaws.com"},
        ["kms:Decrypt", "kms:GenerateDataKey"],
    )
    assert use["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


# ---- events, grants, metrics


def test_a_rule_hears_of_this_deployment_alone(resources_of: Callable[[Make], Resources]) -> None:
    from dropcut_cdk import Dropcut

    def make(stack: "Stack") -> None:
        cutouts = Dropcut(stack, "Cutouts", name="shoes")
        for on in (cutouts.on_delivered, cutouts.on_rejected, cutouts.on_failed, cutouts.on_held, cutouts.on_paused):
            on(on.__name__)

    rules = of_kind(resources_of(make), "AWS::Events::Rule")
    patterns = [rule["EventPattern"] for name, rule in rules.items() if "Cutoutson" in name]
    assert {pattern["detail-type"][0] for pattern in patterns} == {
        *("Cutout Delivered", "Cutout Rejected", "Cutout Failed", "Cutout Held", "Spending Paused")
    }
    assert all(pattern["source"] == ["dropcut"] for pattern in patterns)
    assert all(pattern["account"] == [{"Ref": "AWS::AccountId"}] for pattern in patterns)
    assert all(pattern["detail"] == {"service": ["shoes"]} for pattern in patterns)


def test_a_rule_can_stand_in_the_stack_of_a_target_that_needs_this_one() -> None:
    """The function's role names the output bucket, so its stack comes second. A rule here would name the function."""
    from aws_cdk import App, Stack, aws_events_targets
    from aws_cdk import aws_lambda as lambda_

    from dropcut_cdk import Dropcut

    app = App(context={"aws:cdk:bundling-stacks": []})
    web = Stack(app, "Web")
    code = lambda_.InlineCode("def handler(*_): pass")
    function = lambda_.Function(web, "F", runtime=lambda_.Runtime.PYTHON_3_13, handler="index.handler", code=code)
    cutouts = Dropcut(Stack(app, "Shop"), "Cutouts", monitoring=False)
    cutouts.grant_read_cutouts(function)
    cutouts.on_delivered("Index", target=aws_events_targets.LambdaFunction(function), scope=web)
    templates = {each.stack_name: each.template["Resources"] for each in app.synth().stacks}
    (rule,) = of_kind(templates["Web"], "AWS::Events::Rule").values()
    assert rule["EventPattern"]["detail"] == {"service": [cutouts.name]}


def test_grants_go_to_photos_of_the_inputs_and_to_the_output(resources_of: Callable[[Make], Resources]) -> None:
    from aws_cdk import aws_iam as iam

    from dropcut_cdk import Dropcut, Input

    def make(stack: "Stack") -> None:
        cutouts = Dropcut(
            stack,
            "Cutouts",
            inputs=[Input(bucket=a_bucket(stack, "photos"), prefix="new/")],
            output_bucket=a_bucket(stack, "shop"),
        )
        user = iam.User(stack, "Person")
        cutouts.grant_upload(user)
        cutouts.grant_read_cutouts(user)
        cutouts.grant_request(user)

    (policy,) = of_kind(resources_of(make), "AWS::IAM::Policy").values()
    upload, read, request = policy["PolicyDocument"]["Statement"]
    assert upload["Action"] == ["s3:PutObject", "s3:AbortMultipartUpload"]
    assert written_out(upload["Resource"]).endswith(":::photos/new/*")
    assert "s3:GetObject*" in read["Action"]
    assert {written_out(arn).rpartition(":")[2] for arn in read["Resource"]} == {"shop", "shop/*"}
    assert (request["Action"], request["Condition"]) == (
        "events:PutEvents",
        REQUESTS_ONLY,
    )
    assert written_out(request["Resource"]).endswith(":event-bus/default")


def test_who_may_upload_may_tag_only_where_a_tag_is_asked_for(resources_of: Callable[[Make], Resources]) -> None:
    """By the tag `dropcut` a photo is left alone, or expires."""
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3 as s3

    from dropcut_cdk import Dropcut, Input

    def make(stack: "Stack") -> None:
        encrypted = s3.Bucket(stack, "Photos", encryption_key=kms.Key(stack, "Key"))
        Dropcut(stack, "Cutouts", inputs=[Input(bucket=encrypted, tag=("cut", "yes"))]).grant_upload(
            iam.User(stack, "Person")
        )

    policies = of_kind(resources_of(make), "AWS::IAM::Policy")
    (policy,) = (each for name, each in policies.items() if name.startswith("Person"))
    upload, use_key = policy["PolicyDocument"]["Statement"]
    assert upload["Action"] == ["s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectTagging"]
    assert (use_key["Action"], written_out(use_key["Resource"])) == (
        ["kms:GenerateDataKey", "kms:Decrypt"],
        "<Key.Arn>",
    )


def test_who_cannot_be_granted_requests_is_a_sentence(stack: "Stack") -> None:
    """Without it the requests of another account would be denied, and nothing would say why."""
    from aws_cdk import aws_iam as iam

    from dropcut_cdk import Dropcut, SettingsError

    with pytest.raises(SettingsError, match=r"grantee of grant_request .*another account by request_accounts"):
        Dropcut(stack, "Cutouts").grant_request(iam.AccountPrincipal("222222222222"))


def requests_rule(resources: Resources) -> dict[str, Any]:
    (rule,) = (
        rule
        for rule in of_kind(resources, "AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("detail-type") == ["Cutout Requested"]
    )
    return rule


def test_requests_about_the_inputs_buckets_come_from_the_default_bus_of_the_account(
    resources_of: Callable[[Make], Resources],
) -> None:
    from dropcut_cdk import Dropcut, Input

    def make(stack: "Stack") -> None:
        photos = a_bucket(stack, "photos")
        inputs = [Input(bucket=photos, prefix="new/"), Input(bucket=photos, prefix="old/")]
        Dropcut(stack, "Cutouts", inputs=inputs).add_input(a_bucket(stack, "others"))

    rule = requests_rule(resources_of(make))
    assert "EventBusName" not in rule
    assert rule["EventPattern"] == {
        "account": [{"Ref": "AWS::AccountId"}],
        "detail-type": ["Cutout Requested"],
        "detail": {"bucket": ["photos", "others"]},
    }


def test_requests_can_come_from_a_bus_and_sources_and_accounts_that_are_named(
    resources_of: Callable[[Make], Resources],
) -> None:
    from aws_cdk import aws_events as events

    from dropcut_cdk import Dropcut

    def make(stack: "Stack") -> None:
        bus = events.EventBus(stack, "Bus", event_bus_name="shop")
        Dropcut(
            stack,
            "Cutouts",
            name="shoes",
            request_bus=bus,
            request_sources=["shop."],
            request_accounts=["444455556666"],
        )

    resources = resources_of(make)
    rule = requests_rule(resources)
    assert "Bus" in written_out(rule["EventBusName"])
    assert rule["EventPattern"]["source"] == [{"prefix": "shop."}]
    assert rule["EventPattern"]["account"][1:] == ["444455556666"]
    (policy,) = of_kind(resources, "AWS::Events::EventBusPolicy").values()
    statement = policy["Statement"]
    assert written_out(statement["Principal"]["AWS"]).endswith(":iam::444455556666:root")
    assert statement["Condition"] == REQUESTS_ONLY


@pytest.mark.parametrize("name", ["d" * 63, None])
def test_what_lets_an_account_in_has_a_name_that_eventbridge_takes(
    resources_of: Callable[[Make], Resources], name: str | None
) -> None:
    from dropcut_cdk import Dropcut

    def make(stack: "Stack") -> None:
        Dropcut(stack, "C" * 100, name=name, request_accounts=[NAMED])

    (policy,) = of_kind(resources_of(make), "AWS::Events::EventBusPolicy").values()
    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", policy["StatementId"])
    assert policy["StatementId"].endswith(NAMED)


OURS, NAMED, OTHER = "111122223333", "444455556666", "777788889999"
PUT = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}
"""What the other account lets its own people do."""


@pytest.mark.parametrize(
    ("account", "action", "detail_types", "decided"),
    [
        (NAMED, "events:PutEvents", ["Cutout Requested"], "Allowed"),
        (NAMED, "events:PutEvents", ["Cutout Delivered"], "ImplicitlyDenied"),
        (NAMED, "events:PutEvents", ["Cutout Requested", "Cutout Delivered"], "ImplicitlyDenied"),
        (NAMED, "events:PutEvents", [], "ImplicitlyDenied"),
        (NAMED, "events:DeleteEventBus", [], "ImplicitlyDenied"),
        (OTHER, "events:PutEvents", ["Cutout Requested"], "ImplicitlyDenied"),
    ],
)
def test_a_named_account_may_put_requests_and_nothing_else_and_no_other_may(
    resources_of: Callable[[Make], Resources], account: str, action: str, detail_types: list[str], decided: str
) -> None:
    """By an evaluator: the embedded AWS has no policies of buses."""
    from dropcut_cdk import Dropcut

    resources = resources_of(lambda stack: Dropcut(stack, "Cutouts", request_accounts=[NAMED]))
    (policy,) = of_kind(resources, "AWS::Events::EventBusPolicy").values()
    statement = {**policy["Statement"], "Principal": {"AWS": as_deployed(policy["Statement"]["Principal"]["AWS"])}}
    bus = as_deployed(statement["Resource"])
    simulation = {
        "request": {
            "principal": f"arn:aws:iam::{account}:user/somebody",
            "action": action,
            "resource": {"resource": bus, "accountId": OURS},
            "contextVariables": {"events:detail-type": detail_types} if detail_types else {},
        },
        "identityPolicies": [{"name": "own", "policy": {"Version": "2012-10-17", "Statement": {**PUT, "Action": "*"}}}],
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
        "resourcePolicy": {"Version": "2012-10-17", "Statement": [{**statement, "Resource": bus}]},
    }
    assert judged([simulation]) == [decided]


def as_deployed(value: Any) -> str:
    of_account = {"<AWS::Partition>": "aws", "<AWS::Region>": "eu-central-1", "<AWS::AccountId>": OURS}
    text = written_out(value)
    for name, known in of_account.items():
        text = text.replace(name, known)
    return text


@pytest.mark.parametrize(("account", "region"), [("444455556666", "eu-central-1"), ("111122223333", "us-east-1")])
@pytest.mark.parametrize("which", ["input", "output", "request_bus"])
def test_what_is_in_another_account_or_region_stops_the_synth(account: str, region: str, which: str) -> None:
    from aws_cdk import App, Environment, Stack
    from aws_cdk import aws_events as events
    from aws_cdk import aws_s3 as s3

    from dropcut_cdk import Dropcut, Input, SettingsError

    here = Environment(account="111122223333", region="eu-central-1")
    stack = Stack(App(context={"aws:cdk:bundling-stacks": []}), "Shop", env=here)
    there = s3.Bucket.from_bucket_attributes(stack, "There", bucket_name="there", account=account, region=region)
    bus = events.EventBus.from_event_bus_arn(stack, "Bus", f"arn:aws:events:{region}:{account}:event-bus/shop")
    arguments: dict[str, dict[str, Any]] = {
        "input": {"inputs": [Input(bucket=there)]},
        "output": {"output_bucket": there},
        "request_bus": {"request_bus": bus},
    }
    with pytest.raises(SettingsError, match=rf"{which} is in the (account 4|region us).*Allowed: one of the same"):
        Dropcut(stack, "Cutouts", **arguments[which])


def test_a_bucket_whose_place_is_not_known_at_synth_is_taken(stack: "Stack") -> None:
    from aws_cdk import aws_s3 as s3

    from dropcut_cdk import Dropcut

    there = s3.Bucket.from_bucket_attributes(stack, "There", bucket_name="there", region="eu-central-1")
    Dropcut(stack, "Cutouts").add_input(there)


def test_the_events_schemas_are_registered_if_asked_for(resources_of: Callable[[Make], Resources]) -> None:
    from dropcut_cdk import Dropcut

    resources = resources_of(lambda stack: Dropcut(stack, "Cutouts", name="shoes", event_schemas=True))
    (registry,) = of_kind(resources, "AWS::EventSchemas::Registry").values()
    assert registry["RegistryName"] == "shoes"
    schemas = {each["SchemaName"]: each for each in of_kind(resources, "AWS::EventSchemas::Schema").values()}
    names = {path.name.removesuffix(".schema.json") for path in Path("docs/events").glob("*.schema.json")}
    assert {name.partition("@")[2].lower() for name in schemas} == {name.replace("-", "") for name in names}
    assert {each["Type"] for each in schemas.values()} == {"JSONSchemaDraft4"}
    for name, each in schemas.items():
        content = json.loads(each["Content"])
        Draft4Validator.check_schema(content)
        assert content["$schema"] == Draft4Validator.META_SCHEMA["$schema"].rstrip("#") + "#", name
        assert "event_id" in content["required"]


def test_metrics_are_those_of_this_deployment(stack: "Stack") -> None:
    from dropcut_cdk import Dropcut

    cutouts = Dropcut(stack, "Cutouts", name="shoes")
    for metric, name in ((cutouts.metric_delivered(), "PhotosDelivered"), (cutouts.metric_credits(), "CreditsSpent")):
        assert (metric.namespace, metric.metric_name, metric.dimensions) == ("Dropcut", name, {"service": "shoes"})
    assert cutouts.metric_waiting().metric_name == "ApproximateNumberOfMessagesVisible"


def test_the_context_can_stand_in_for_the_api_and_the_machine() -> None:
    from aws_cdk import App, Stack

    from dropcut_cdk import Dropcut

    context = {
        "aws:cdk:bundling-stacks": [],
        "dropcut:bundle_for": "this_machine",
        "dropcut:api_base_url": "http://127.0.0.1:8080",
    }
    cutouts = Dropcut(Stack(App(context=context), "Shop"), "Cutouts")
    assert cutouts.props.for_embedded_aws
    assert cutouts.props.provider.base_url == "http://127.0.0.1:8080"
