"""Where a cut-out goes: the photo's own folder and name with the new extension, never onto another photo's cut-out."""

import hashlib
from collections.abc import Sequence

MAX_KEY_BYTES = 1024  # S3's limit, in UTF-8


def output_keys(source_key: str, extension: str) -> Sequence[str]:
    """Names for the cut-out of `source_key`, in the order in which to try them.

    `a.jpg` gives `a.png`; when that belongs to another photo (`a.webp` came
    first), `a.jpg.png`, which says whose it is; when that is taken as well, a name with a hash of the source's key,
    which nobody else has.
    Names too long for S3 are shortened, and get the hash so that two long names never meet.
    """
    folder, slash, name = source_key.rpartition("/")
    stem = _without_extension(name)
    owner = hashlib.sha256(source_key.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    candidates = (f"{stem}.{extension}", f"{name}.{extension}", f"{stem}.{owner}.{extension}")
    return [_fitted(folder + slash + candidate, owner, extension) for candidate in candidates]


def _without_extension(name: str) -> str:
    stem, dot, _extension = name.rpartition(".")
    return stem if dot and stem.strip(".") else name


def _fitted(key: str, owner: str, extension: str) -> str:
    if len(key.encode("utf-8", "surrogatepass")) <= MAX_KEY_BYTES:
        return key
    ending = f"~{owner}.{extension}"
    room = MAX_KEY_BYTES - len(ending)
    return key.encode("utf-8", "surrogatepass")[:room].decode("utf-8", "ignore") + ending
