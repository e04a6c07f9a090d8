"""What an uploader or a requester may choose for one photo: its renditions, a reference, metadata for its cut-outs.

An uploader writes the first two into the photo's own metadata, a requester puts all three into the request.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from dropcut.core.plain_text import header_text

if TYPE_CHECKING:
    from dropcut.core.rendition import Rendition

RENDITIONS, REFERENCE = "dropcut-renditions", "dropcut-reference"
"""Names of a photo's metadata, after `x-amz-meta-`; the second one also of its cut-outs'."""
METADATA_PREFIX = "dropcut-meta-"
"""Stands before the names of a requester's metadata, so that they replace no name of ours."""
LONGEST_REFERENCE = 128
LONGEST_METADATA = 256
"""Characters of names, with the prefix, and values. All metadata of an object share 2 KiB, and ours take up to 1.7."""
_MOST_NAMES = 50
_RENDITION_NAME = re.compile(r"[!-~]{1,64}")
_METADATA_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class ChoicesError(ValueError):
    """A sentence: what was chosen that cannot be, and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Raises ChoicesError: wrong types, or too much."""

    renditions: Sequence[str] = ()
    """Names out of the deployment's list; without any, all of it."""
    reference: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Written onto each cut-out, under METADATA_PREFIX."""

    def __post_init__(self) -> None:
        for name, is_allowed, allowed in _ALLOWED:
            if not is_allowed(getattr(self, name)):
                raise ChoicesError(f"{name} is {getattr(self, name)!a:.200}. Allowed: {allowed}.")

    def over(self, others: "Choices") -> "Choices":
        """These, and for what they leave open, others."""
        return Choices(
            renditions=self.renditions or others.renditions,
            reference=self.reference or others.reference,
            metadata=self.metadata or others.metadata,
        )

    def refuses_names(self, allowed: Collection[str]) -> str:
        """A sentence if a rendition was chosen that the deployment does not make; empty if all are fine."""
        unknown = [name for name in self.renditions if name not in allowed]
        if not unknown:
            return ""
        return f"There is no rendition {unknown[0]!r} here. Allowed: {', '.join(sorted(allowed))}."

    def chosen_from(self, renditions: Sequence["Rendition"]) -> Sequence["Rendition"]:
        """Those that were chosen, in the deployment's order; all when none of them is made any more."""
        return [each for each in renditions if each.name in self.renditions] or renditions

    def output_metadata(self) -> dict[str, str]:
        """What a cut-out's metadata says of them."""
        reference = {REFERENCE: self.reference} if self.reference else {}
        return reference | {METADATA_PREFIX + name: value for name, value in self.metadata.items()}

    def to_fields(self) -> dict[str, Any]:
        """As JSON, without what was left open."""
        given = {"renditions": list(self.renditions), "reference": self.reference, "metadata": dict(self.metadata)}
        return {name: value for name, value in given.items() if value}

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        """Raises ChoicesError; TypeError or ValueError for what is no such fields."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in dict(values).items()
        }
        return cls(**given)


def reference_of_photo(metadata: Mapping[str, str]) -> Choices:
    """The reference alone, as the uploader wrote it into the photo's metadata. Raises ChoicesError."""
    return Choices(reference=metadata.get(REFERENCE) or None)


def choices_of_photo(metadata: Mapping[str, str]) -> Choices:
    """What the uploader wrote into the photo's metadata. Raises ChoicesError."""
    names = (name.strip() for name in metadata.get(RENDITIONS, "").split(","))
    return replace(reference_of_photo(metadata), renditions=tuple(name for name in names if name))


def _are_names(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) <= _MOST_NAMES
        and all(isinstance(name, str) and _RENDITION_NAME.fullmatch(name) for name in value)
    )


def _is_reference(value: object) -> bool:
    return value is None or (isinstance(value, str) and 0 < len(value) <= LONGEST_REFERENCE and value.isprintable())


def _is_metadata(value: object) -> bool:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        return False
    length = sum(len(METADATA_PREFIX) + len(name) + len(header_text(text)) for name, text in value.items())
    return all(map(_METADATA_NAME.fullmatch, value)) and length <= LONGEST_METADATA


_ALLOWED = (
    ("renditions", _are_names, f"a list of up to {_MOST_NAMES} names of renditions"),
    ("reference", _is_reference, f"a text of 1 to {LONGEST_REFERENCE} printable characters"),
    (
        "metadata",
        _is_metadata,
        f"texts by names of up to 32 of a-z, 0-9 and -, together up to {LONGEST_METADATA} characters",
    ),
)
NO_CHOICES = Choices()
