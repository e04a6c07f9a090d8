"""Stand-ins for imaging/make_cutouts.py, for tests in which no pixel matters."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from dropcut.core.rendition import MadeCutouts, Rendition, RenditionFile


def answer_as_it_is(original: Path | None, answer: Path, renditions: Sequence[Rendition], folder: Path) -> MadeCutouts:
    """Every rendition is the paid answer, byte for byte; all are said to have 80 x 64 pixels."""
    made = []
    for rendition in renditions:
        path = shutil.copyfile(answer, folder / rendition.name)
        made.append(
            RenditionFile(
                rendition=rendition.name,
                path=str(path),
                format=rendition.format,
                width=80,
                height=64,
                size_bytes=path.stat().st_size,
            )
        )
    return MadeCutouts(made)
