"""Where a rendition goes: by its key template into the photo's own folder, never onto another photo's cut-out."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from dropcut.core.key_template import NO_EDITION, Edition, uses
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL

MAX_KEY_BYTES = 1024  # S3's limit, in UTF-8
_MARK = "dropcut-"
_MARKED = re.compile(f"~{_MARK}[0-9a-f]{{32}}")
"""128 bits of SHA-256: nobody finds a second key with the same ones."""
_NO_VERSION = "null"
"""S3's version id of an object that was written while the bucket's versioning was suspended."""
_PLAIN_VERSION = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def version_name(version_id: str | None) -> str:
    """A photo's version as a part of a key; empty where S3 has none.

    An id is opaque: S3's guide shows one with slashes. A name that could end a folder, climb out of it or fill the key
    is replaced by its hash, which is as unique.
    """
    if not version_id or version_id == _NO_VERSION:
        return ""
    return version_id if _PLAIN_VERSION.fullmatch(version_id) else _digest(version_id)[:32]


def output_keys(
    source_key: str,
    rendition: Rendition = FULL,
    extension: str = "",
    edition: Edition = NO_EDITION,
    *,
    bucket: str = "",
    prefix: str = "",
) -> Sequence[str]:
    """Names for a rendition of `source_key`, in the order in which to try them.

    `a.jpg` gives `a.png`. If that belongs to another photo (`a.webp` came first), the next is `a.jpg.png`, which says
    whose it is. If that is taken as well, the name has a hash of the source's key. Photos can be uploaded under such
    names that their cut-outs take all of these. No upload can produce the last name: it has a mark, and a photo whose
    other names have one gets its own last name only. Names too long for S3 are shortened, and get the hash so that two
    long names never meet.

    Args:
        extension: of the file that was made; without it, that of the rendition's format.
        bucket: the photo's, where another one's photo may have the same key: the last name is its own then, too.
        prefix: what each name begins with.
    """
    extension = extension or rendition.extension
    folder, slash, name = source_key.rpartition("/")
    stem = _without_extension(name)
    owner = _hash(source_key)
    named = partial(
        rendition.key.format,
        folder=folder + slash,
        rendition=rendition.name,
        extension=extension,
        **asdict(edition),
    )
    candidates = (
        named(stem=stem, name=name),
        named(stem=name, name=name),
        named(stem=f"{stem}.{owner}", name=f"{name}.{owner}"),
    )
    # What makes it unique must stay in a name that is cut short.
    more = [bucket] if bucket else []
    more += [] if rendition.name == FULL.name else [rendition.name]
    more += [value for name, value in asdict(edition).items() if uses(rendition.key, name)]
    identity = "\0".join((source_key, *more))
    keys: list[str] = []
    for candidate in candidates:
        key = _fitted(prefix + candidate, _hash(identity), extension)
        # Of a long name all of them would be cut down to the same key.
        keys.append(key if key not in keys else _fitted(prefix + candidate, _hash(candidate), extension))
    mark = f"{_MARK}{_digest(identity)[:32]}"
    last = _fitted(prefix + named(stem=f"{stem}~{mark}", name=f"{name}~{mark}"), mark, extension)
    return [*(key for key in keys if not _MARKED.search(key)), last]


def _hash(text: str) -> str:
    return _digest(text)[:8]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _without_extension(name: str) -> str:
    stem, dot, _extension = name.rpartition(".")
    return stem if dot and stem.strip(".") else name


def _fitted(key: str, owner: str, extension: str) -> str:
    if len(key.encode("utf-8", "surrogatepass")) <= MAX_KEY_BYTES:
        return key
    ending = f"~{owner}.{extension}"
    room = MAX_KEY_BYTES - len(ending)
    return key.encode("utf-8", "surrogatepass")[:room].decode("utf-8", "ignore") + ending
