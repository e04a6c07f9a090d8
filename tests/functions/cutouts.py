"""Stand-ins for imaging/make_cutouts.py, for tests in which no pixel matters."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from dropcut.core.rendition import Made, Rendition


def answer_as_it_is(
    original: Path | None, answer: Path, renditions: Sequence[Rendition], folder: Path
) -> Sequence[Made]:
    """Every rendition is the paid answer, byte for byte; all are said to have 80 x 64 pixels."""
    made = []
    for rendition in renditions:
        path = shutil.copyfile(answer, folder / rendition.name)
        made.append(
            Made(
                rendition=rendition.name,
                path=str(path),
                format=rendition.format,
                width=80,
                height=64,
                size_bytes=path.stat().st_size,
            )
        )
    return made
