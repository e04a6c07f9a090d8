"""Where a rendition goes: by its key template into the photo's own folder, never onto another photo's cut-out."""

import hashlib
import re
from collections.abc import Sequence
from functools import partial

from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL

MAX_KEY_BYTES = 1024  # S3's limit, in UTF-8
_MARK = "dropcut-"
_MARKED = re.compile(f"~{_MARK}[0-9a-f]{{32}}")
"""128 bits of SHA-256: nobody finds a second key with the same ones."""


def output_keys(source_key: str, rendition: Rendition = FULL, extension: str = "") -> Sequence[str]:
    """Names for a rendition of `source_key`, in the order in which to try them.

    `a.jpg` gives `a.png`; when that belongs to another photo (`a.webp` came
    first), `a.jpg.png`, which says whose it is; when that is taken as well, a name with a hash of the source's key.
    Photos can be uploaded under such names that their cut-outs take all of these. No upload can produce the last name:
    it has a mark, and a photo whose other names have one gets its own last name only.
    Names too long for S3 are shortened, and get the hash so that two long names never meet.

    Args:
        extension: of the file that was made; without it, that of the rendition's format.
    """
    extension = extension or rendition.extension
    folder, slash, name = source_key.rpartition("/")
    stem = _without_extension(name)
    owner = _hash(source_key)
    named = partial(rendition.key.format, folder=folder + slash, rendition=rendition.name, extension=extension)
    candidates = (
        named(stem=stem, name=name),
        named(stem=name, name=name),
        named(stem=f"{stem}.{owner}", name=f"{name}.{owner}"),
    )
    told_apart = source_key if rendition.name == FULL.name else f"{source_key}\0{rendition.name}"
    keys: list[str] = []
    for candidate in candidates:
        key = _fitted(candidate, _hash(told_apart), extension)
        # Of a long name all of them would be cut down to the same key.
        keys.append(key if key not in keys else _fitted(candidate, _hash(candidate), extension))
    mark = f"{_MARK}{_digest(told_apart)[:32]}"
    last = _fitted(named(stem=f"{stem}~{mark}", name=f"{name}~{mark}"), mark, extension)
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
