"""Inputs and output: where they are, and whether a loop would pay without end, or one photo have two answers."""

import string
from collections.abc import Sequence
from itertools import combinations

from aws_cdk import IResource, Stack, Token
from aws_cdk.aws_s3 import CfnBucket, IBucket
from constructs import Construct
from dropcut.core.rendition import Rendition
from dropcut.core.review import HELD_FOLDER

from dropcut_cdk.input import Input
from dropcut_cdk.kinds import SettingsError
from dropcut_cdk.settings import Settings


def check_place(scope: Construct, resource: IResource, called: str, which: str) -> None:
    """Check where a resource is, as far as the CDK knows; `dropcut doctor` asks S3 for a bucket's region.

    Raises:
        SettingsError: in another account or region: S3 sends events to neither, and rules are made here. The sentence
            ends in `which`, on how another one is reached.
    """
    for part in ("account", "region"):
        there, here = getattr(resource.env, part), getattr(Stack.of(scope), part)
        if there != here and not Token.is_unresolved(there) and not Token.is_unresolved(here):
            raise SettingsError(
                f"The {called} is in the {part} {there}, and this stack is in {here}. "
                f"Allowed: one of the same account and region, {which}."
            )


def check_routes(inputs: Sequence[Input], output_bucket: IBucket, settings: Settings) -> None:
    """Check the inputs against each other and against the output.

    Raises:
        SettingsError: a cut-out would be a new photo; or one photo would come in twice, to be made into two things.
    """
    made = [settings.made_of(photos.renditions or settings.renditions) for photos in inputs]
    for photos in inputs:
        if _name(photos.taken_from) == _name(output_bucket):
            for renditions in made:
                _check_no_loop(photos, renditions, held=settings.hold_doubtful)
    for (one, its), (other, others) in combinations(zip(inputs, made, strict=True), 2):
        if _may_take_the_same(one, other) and its != others:
            raise SettingsError(
                f"Two inputs take the same photos, {_named(one)} and {_named(other)}, and have different renditions. "
                "Allowed: prefixes or suffixes that keep them apart, or the same renditions."
            )


def _check_no_loop(photos: Input, renditions: Sequence[Rendition], *, held: bool) -> None:
    """A key that begins with a placeholder begins as the photo's own key does; what is held lies under `held/`."""
    folders = ("", HELD_FOLDER) if held else ("",)
    for rendition, key in [(each, f"{folder}{each.key}") for each in renditions for folder in folders]:
        head = next(literal for literal, *_ in string.Formatter().parse(key))
        into = head.startswith(photos.prefix) or photos.prefix.startswith(head)
        if into and photos.source.refuses_key(f"{photos.prefix}x.{rendition.extension}") is None:
            raise SettingsError(
                f"The output bucket is also the bucket of {_named(photos)}, so each cut-out would be a new photo, "
                f"without end: rendition {rendition.name!r} goes to {key}. Allowed: another bucket, or keys "
                "of renditions that begin with a folder outside the input's prefix."
            )


def _may_take_the_same(one: Input, other: Input) -> bool:
    """By bucket and key: deliver, which decides what is made, knows neither size nor tag."""
    if _name(one.taken_from) != _name(other.taken_from):
        return False
    if not (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)):
        return False
    ends, other_ends = one.source.endings or ("",), other.source.endings or ("",)
    return any(a.endswith(b) or b.endswith(a) for a in ends for b in other_ends)


def _name(bucket: IBucket) -> str:
    """The name that the app gives a bucket, where it does: the same one may also be imported by it."""
    resource = bucket.node.default_child
    given = resource.bucket_name if isinstance(resource, CfnBucket) else None
    return given or bucket.bucket_name


def _named(photos: Input) -> str:
    ends = f" and suffixes {', '.join(photos.suffixes)}" if photos.suffixes else ""
    return f"the input with prefix {photos.prefix!r}{ends}"
