"""The page of `dropcut review` as files: its parts, and a folder that needs nothing else."""

import base64
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.output import Output
from dropcut_cli.put import side_by_side

ASSETS = ("review.html", "review.css", "review_pictures.js", "review.js")
SIDES = ("before", "after")


def asset(name: str) -> bytes:
    """One of ASSETS."""
    return (files("dropcut_cli") / name).read_bytes()


def write_page(folder: Path, held: Sequence[Any], output: Output) -> None:
    """The page, its entries and pictures, which are scripts: a page that is a file may read no other file's pixels.

    Raises:
        CommandError: the folder has something else in it.
    """
    if folder.exists() and any(each.name != "pictures" for each in folder.iterdir()):  # those of one that was stopped
        raise CommandError(f"{folder} is not empty. Name a new folder.", Exit.USAGE)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "pictures").mkdir(exist_ok=True)

    def write(picture: tuple[int, str]) -> None:
        number, side = picture
        try:
            content, why = base64.b64encode(held[number].picture(side)).decode(), ""
        except CommandError as error:
            content, why = "", str(error)
        arrived = ", ".join(map(json.dumps, (f"{number}-{side}", content, why)))
        (folder / "pictures" / f"{number}-{side}.js").write_text(f"arrived({arrived});\n")

    pictures = [(number, side) for number in range(len(held)) for side in SIDES]
    for done, _written in enumerate(side_by_side(write, pictures), start=1):
        if done % 200 == 0:
            output.progress(f"{done:,} of {len(pictures):,} pictures written")
    (folder / "entries.js").write_text(f"const held = {json.dumps([each.fields for each in held])};\n")
    for name in ASSETS:
        (folder / name.replace("review.html", "index.html")).write_bytes(asset(name))
