"""Key templates of renditions: `{folder}{stem}-{rendition}.{extension}` and the like, checked before they are used."""

import string
from collections.abc import Iterator
from dataclasses import asdict, dataclass

VERSION, SHA256 = "version", "sha256"
PLACEHOLDERS = ("folder", "stem", "name", "rendition", VERSION, SHA256, "extension")
"""Of a photo: its folder, with a slash at the end, its name without its extension, its name; then the rendition's."""
ENDING = ".{extension}"


class KeyTemplateError(ValueError):
    """A template could not name every photo's rendition; the sentence says why and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Edition:
    """Distinguishes one picture of a photo's rendition from a later one."""

    version: str = ""
    """The photo's: S3's version id, or the time of the upload where there is none."""
    sha256: str = ""
    """The beginning of the hash of the rendition's file."""


NO_EDITION = Edition()
_SAMPLE = Edition(version="20261126T094500Z", sha256="0123456789ab")


def uses_edition(template: str) -> bool:
    """Whether a photo that is uploaded anew, or made anew, gets another key."""
    return uses(template, VERSION) or uses(template, SHA256)


def uses(template: str, placeholder: str) -> bool:
    return placeholder in _placeholders(template)


def check_key_template(template: str) -> None:
    """Raises KeyTemplateError: cut-outs of this template would lose their folder, their name or their place."""
    used = list(_placeholders(template))
    if not {"folder"} <= set(used) or not {"stem", "name"} & set(used):
        raise KeyTemplateError(
            "does not say whose picture it is. Allowed: templates with {folder} and with {stem} or {name}, "
            "so that two photos never share a name"
        )
    if not template.endswith(ENDING) or used.count("extension") != 1:
        raise KeyTemplateError(f"does not end in {ENDING}. Allowed: that ending, once, since it follows the format")
    if template.startswith("/"):
        raise KeyTemplateError("begins with a slash, which would be a folder without a name. Allowed: no leading /")
    if ".." in template:
        raise KeyTemplateError("contains two dots in a row, which many tools read as the folder above. Allowed: one")
    if not template.isascii() or not template.isprintable():
        raise KeyTemplateError("contains what is not printable ASCII. Allowed: printable ASCII characters")


def could_collide(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two renditions, each a template and the rendition's name, may give one photo the same key twice.

    Both are filled in and compared, for photos in the root and in folders, with and without an extension. A folder or
    name may be what a template says in words. The format's extension does not keep two apart: a picture that is too
    large for WebP becomes PNG.
    """
    words = {literal for template, _name in (one, other) for literal, *_ in string.Formatter().parse(template)}
    stems = ["s", *(word.strip("/.-_") or "s" for word in words if "/" not in word.strip("/"))]
    folders = ["", "f/", *(f"{word.strip('/')}/" for word in words if word.strip("/"))]
    return any(
        _filled(one, folder, stem, extension) == _filled(other, folder, stem, extension)
        for folder in folders
        for stem in stems
        for extension in ("", ".jpg")
    )


def _filled(rendition: tuple[str, str], folder: str, stem: str, source_extension: str) -> str:
    template, rendition_name = rendition
    return template.format(
        folder=folder,
        stem=stem,
        name=stem + source_extension,
        rendition=rendition_name,
        extension="x",
        **asdict(_SAMPLE),
    )


def _placeholders(template: str) -> Iterator[str]:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise KeyTemplateError(f"cannot be read ({error}). Allowed: text and {_allowed()}") from error
    for _literal, field, form, conversion in parts:
        if field is None:
            continue
        if field not in PLACEHOLDERS or form or conversion:
            raise KeyTemplateError(f"contains {{{field}}}. Allowed: {_allowed()}")
        yield field


def _allowed() -> str:
    return ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
