"""Where a rendition goes: by its key template into the photo's own folder, never onto another photo's cut-out."""

import hashlib
from collections.abc import Sequence
from functools import partial

from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL

MAX_KEY_BYTES = 1024  # S3's limit, in UTF-8


def output_keys(source_key: str, rendition: Rendition = FULL, extension: str = "") -> Sequence[str]:
    """Names for a rendition of `source_key`, in the order in which to try them.

    `a.jpg` gives `a.png`; when that belongs to another photo (`a.webp` came
    first), `a.jpg.png`, which says whose it is; when that is taken as well, a name with a hash of the source's key,
    which nobody else has.
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
    cut = owner if rendition.name == FULL.name else _hash(f"{source_key}\0{rendition.name}")
    return [_fitted(candidate, cut, extension) for candidate in candidates]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _without_extension(name: str) -> str:
    stem, dot, _extension = name.rpartition(".")
    return stem if dot and stem.strip(".") else name


def _fitted(key: str, owner: str, extension: str) -> str:
    if len(key.encode("utf-8", "surrogatepass")) <= MAX_KEY_BYTES:
        return key
    ending = f"~{owner}.{extension}"
    room = MAX_KEY_BYTES - len(ending)
    return key.encode("utf-8", "surrogatepass")[:room].decode("utf-8", "ignore") + ending
