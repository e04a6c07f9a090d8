"""Which objects are photos: those of these buckets, by key, size and tag; and which have renditions of their own."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, Self, TypeVar

from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import read_renditions, renditions_to_json
from dropcut.core.units import MIB

Chosen = TypeVar("Chosen")


@dataclass(frozen=True)
class NotTaken:
    """Why an object is no photo of ours."""

    code: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PhotoSource:
    """The photos of one bucket."""

    bucket: str
    prefix: str = ""
    suffixes: Sequence[str] = ()
    """Without any, a key may end in anything."""
    smallest_bytes: int = 0
    largest_bytes: int | None = None
    tag: tuple[str, str] | None = None
    """Key and value."""

    @property
    def endings(self) -> tuple[str, ...]:
        """The suffixes as written, in small letters and in capitals: cameras write `.JPG`."""
        spelled = (spelling for each in self.suffixes for spelling in (each, each.lower(), each.upper()))
        return tuple(dict.fromkeys(spelled))

    def refuses_key(self, key: str) -> NotTaken | None:
        """Why a photo is not looked at; None when it is."""
        if not key.startswith(self.prefix):
            return NotTaken("other_prefix", f"Only keys that begin with {self.prefix!r} are taken.")
        if self.suffixes and not key.endswith(self.endings):
            return NotTaken("other_suffix", f"Only keys that end in {' or '.join(self.suffixes)} are taken.")
        return None

    def refuses_object(self, size_bytes: int, tags: Mapping[str, str]) -> NotTaken | None:
        """Why a photo that was looked at is not taken; None when it is."""
        if size_bytes < self.smallest_bytes:
            return NotTaken("other_size", f"Only objects of at least {self.smallest_bytes:,} bytes are taken.")
        if self.largest_bytes is not None and size_bytes > self.largest_bytes:
            return NotTaken("other_size", f"Only objects of at most {self.largest_bytes / MIB:g} MiB are taken.")
        if self.tag and tags.get(self.tag[0]) != self.tag[1]:
            return NotTaken("other_tag", f"Only objects with the tag {'='.join(self.tag)} are taken.")
        return None

    def to_fields(self) -> dict[str, Any]:
        """As short as can be: a function's whole environment has 4 KB."""
        values = {each.name: (getattr(self, each.name), each.default) for each in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    @classmethod
    def from_fields(cls, given: Mapping[str, Any]) -> Self:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        return cls(**values)


def sources_to_json(sources: Iterable[PhotoSource]) -> str:
    """What `read_sources` reads."""
    return json.dumps([source.to_fields() for source in sources], separators=(",", ":"))


def read_sources(text: str) -> tuple[PhotoSource, ...]:
    return tuple(PhotoSource.from_fields(given) for given in json.loads(text))


def refuses_key(sources: Sequence[PhotoSource], key: str) -> NotTaken | None:
    """Why none of the sources looks at a key; None when one does."""
    return _first_taken(source.refuses_key(key) for source in sources)


def refuses_object(
    sources: Sequence[PhotoSource], key: str, size_bytes: int, tags: Mapping[str, str]
) -> NotTaken | None:
    """Why none of the sources that look at this key takes the object; None when one does."""
    return _first_taken(
        source.refuses_object(size_bytes, tags) for source in sources if source.refuses_key(key) is None
    )


def refuses_size(size_bytes: int, *, most_mib: float) -> NotTaken | None:
    """Why a file of this size is not even read; None when it is."""
    if size_bytes == 0:
        return NotTaken("empty", "The file is empty (0 bytes). Upload it again.")
    if size_bytes <= most_mib * MIB:
        return None
    return NotTaken(
        "too_many_bytes",
        f"The file has {size_bytes:,} bytes; at most {most_mib:g} MiB are taken (`max_photo_mib`). "
        "Save it smaller or with a lower quality.",
    )


def lets_through(sources: Sequence[PhotoSource], key: str, size_bytes: int | None) -> bool:
    """Whether an event of S3 about the object would come to prepare, and is about no folder marker.

    Args:
        size_bytes: None where it is not known. Prepare looks at the object itself, and at its tags.
    """
    if (key.endswith("/") and not size_bytes) or not _is_key(key):
        return False
    taking = (source for source in sources if source.refuses_key(key) is None)
    if size_bytes is None:
        return any(taking)
    return any(source.refuses_object(size_bytes, dict([source.tag] if source.tag else [])) is None for source in taking)


def _is_key(key: str) -> bool:
    """Whether S3 can have an object of this name. A list of keys may have any line, and DynamoDB refuses long ones."""
    try:
        return 0 < len(key.encode()) <= _LONGEST_KEY_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


_LONGEST_KEY_BYTES = 1024
INPUT_REMOVED = "input_removed"
"""The code of a photo that waited while its input was taken away."""


def why_no_input(sources: Sequence[PhotoSource], bucket: str, key: str | None = None) -> str:
    """Why a photo that waits is of no input any more, and what to do; empty when it is of one.

    The input was taken away meanwhile, or somebody wrote the message who should not.

    Args:
        key: also looked at, if given.
    """
    in_bucket = [source for source in sources if source.bucket == bucket]
    not_taken = refuses_key(in_bucket, key) if in_bucket and key is not None else None
    if in_bucket and not not_taken:
        return ""
    buckets = ", ".join(sorted({source.bucket for source in sources}))
    why = not_taken.reason if not_taken else f"Photos are taken from {buckets} only."
    return (
        f"This photo in {bucket} is of no input of this deployment any more. {why} Nothing more was done or paid for "
        "it. Add the input back, deploy, and redrive the message; what was paid for is not paid for again."
    )


def _first_taken(refusals: Iterable[NotTaken | None]) -> NotTaken | None:
    """None when one of them is; otherwise the first."""
    every = list(refusals)
    return None if None in every else every[0]


@dataclass(frozen=True, kw_only=True)
class ByPhoto(Generic[Chosen]):
    """What is right for a photo: that of its source, or that of all others."""

    others: Chosen
    of_sources: Sequence[tuple[PhotoSource, Chosen]] = ()

    def __call__(self, bucket: str, key: str) -> Chosen:
        for source, chosen in self.of_sources:
            if source.bucket == bucket and source.refuses_key(key) is None:
                return chosen
        return self.others


def source_renditions_to_json(of_sources: Iterable[tuple[PhotoSource, Sequence[Rendition]]]) -> str:
    """What `read_source_renditions` reads."""
    each = [[source.to_fields(), json.loads(renditions_to_json(made))] for source, made in of_sources]
    return json.dumps(each, separators=(",", ":"))


def read_source_renditions(text: str) -> list[tuple[PhotoSource, Sequence[Rendition]]]:
    return [(PhotoSource.from_fields(source), read_renditions(made)) for source, made in json.loads(text)]


def rendition_names_to_json(
    others: Sequence[Rendition], of_sources: Iterable[tuple[PhotoSource, Sequence[Rendition]]] = ()
) -> str:
    """What `read_rendition_names` reads."""
    each = [[source.to_fields(), [rendition.name for rendition in made]] for source, made in of_sources]
    return json.dumps([[rendition.name for rendition in others], *each], separators=(",", ":"))


def read_rendition_names(text: str) -> ByPhoto[Sequence[str]]:
    others, *each = json.loads(text)
    return ByPhoto(others=others, of_sources=[(PhotoSource.from_fields(source), names) for source, names in each])
