"""Where photos come from: a bucket, which of its objects are photos, and what is made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from dropcut.core.photo_source import PhotoSource
from dropcut.core.rendition import Rendition

from dropcut_cdk.kinds import RENDITIONS, Kind, SettingsError, checked, number, several, text, thing, whole

if TYPE_CHECKING:
    from aws_cdk.aws_s3 import IBucket

PREFIX = text(r"(?!/)[ -#%-)+->@-~]{0,512}", "up to 512 ASCII characters, none of `* ? $`, no leading `/`")
_SUFFIX = text(r"[ -#%-)+->@-\[\]-~]{1,64}", "1 to 64 ASCII characters, none of `* ? $ \\`, such as `.jpg`")


def _check_tag(value: object) -> tuple[str, str]:
    match value:
        case (str(key), str(wanted)) if 0 < len(key) <= 128 and len(wanted) <= 256 and key != "dropcut":  # S3's lengths
            return key, wanted
    raise ValueError("not a tag's key and value")


_TAG = Kind(
    allowed="a tag's key and value as a pair of texts, up to 128 and 256 characters; the key `dropcut` is ours",
    check=_check_tag,
)


class InputFilters(TypedDict, total=False):
    """The arguments of `Input` without its bucket."""

    prefix: str
    suffixes: Sequence[str]
    smallest_bytes: int
    largest_mib: float | None
    tag: tuple[str, str] | None
    renditions: Sequence[str | Mapping[str, object] | Rendition]


@checked("an Input")
@dataclass(frozen=True, kw_only=True)
class Input:
    """Photos of one bucket.

    A bucket that is imported needs EventBridge switched on: by its `enable_event_bridge_notification()`, or by hand.

    Raises:
        SettingsError: an argument is unknown, is not allowed, or contradicts another.
    """

    bucket: Annotated["IBucket | None", thing("an `s3.IBucket`", "bucket_arn")] = field(default=None, kw_only=False)
    """Without one, the photos are those of a bucket of our own."""
    prefix: Annotated[str, PREFIX] = ""
    """What the key begins with."""
    suffixes: Annotated[Sequence[str], several(_SUFFIX)] = ()
    """What the key ends in: one of these, as written, in small letters or in capitals. Without any, anything."""
    smallest_bytes: Annotated[int, whole(0, 5_000_000_000)] = 0
    """Smaller objects are passed over, without an event."""
    largest_mib: Annotated[float | None, number(0.001, 4768)] = None  # EventBridge compares nothing above 5 billion
    """Larger objects are passed over, without an event. What is over `max_photo_mib` is rejected, with an event."""
    tag: Annotated[tuple[str, str] | None, _TAG] = None
    """Key and value of a tag. An object without it is skipped, with an event."""
    renditions: Annotated[Sequence[str | Mapping[str, object] | Rendition], RENDITIONS] = ()
    """What is made of these photos, if not what is made of all."""

    def __post_init__(self) -> None:
        least, most = self.smallest_bytes, self.largest_mib
        if most is not None and least > most * 1024 * 1024:
            raise SettingsError(
                f"smallest_bytes of an Input is {least}, more than its largest_mib ({most:g}): no photo is taken. "
                "Allowed: at most largest_mib, in bytes."
            )

    @property
    def taken_from(self) -> "IBucket":
        assert self.bucket is not None, "Dropcut gives its own bucket to an input that names none"
        return self.bucket

    @property
    def source(self) -> PhotoSource:
        """As the functions know it."""
        return PhotoSource(
            bucket=self.taken_from.bucket_name,
            prefix=self.prefix,
            suffixes=tuple(self.suffixes),
            smallest_bytes=self.smallest_bytes,
            largest_bytes=None if self.largest_mib is None else int(self.largest_mib * 1024 * 1024),
            tag=self.tag,
        )

    def event_filter(self) -> dict[str, Any]:
        """What EventBridge looks at in S3's events; what it cannot see, the tags, is left to prepare."""
        source = self.source
        wanted: dict[str, Any] = {}
        prefix = source.prefix.replace("\\", "\\\\")
        if prefix and source.suffixes:
            wanted["key"] = [{"wildcard": f"{prefix}*{ending}"} for ending in source.endings]
        elif source.suffixes:  # a bus has room for 30 rules with wildcards
            wanted["key"] = [{"suffix": ending} for ending in source.endings]
        elif source.prefix:
            wanted["key"] = [{"prefix": source.prefix}]
        least = [">=", source.smallest_bytes] if source.smallest_bytes else []
        most = [] if source.largest_bytes is None else ["<=", source.largest_bytes]
        if least or most:
            wanted["size"] = [{"numeric": [*least, *most]}]
        return {"bucket": {"name": [source.bucket]}, **({"object": wanted} if wanted else {})}
