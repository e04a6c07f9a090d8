"""What the demo leaves in `out/`: the cut-outs, the page, and beside the page what it shows.

A list of what was written is kept, so that the next demo replaces its own files and no others. It does so when it has
something to put in their place. A demo that ends earlier leaves the last one's results, which may have been paid for.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryFile

from dropcut_cli.clone.places import pasted
from dropcut_cli.clone.problem import Problem, writing_to

PAGE_FILES = "index.files"
_LIST = "written.txt"
_LONGEST_NAME_BYTES = 200


class OutFolder:
    """The folder as one demo writes to it."""

    def __init__(self, folder: Path) -> None:
        """See that results can be written there, before anything is paid for; nothing is removed yet.

        Raises:
            Problem: something in the way is not the demo's own, or the folder cannot be written to.
        """
        self.folder = folder
        self.page = folder / "index.html"
        self._list = folder / PAGE_FILES / _LIST
        if folder.exists() and not folder.is_dir():
            raise Problem(
                f"{pasted(folder)} is a file, and the demo writes its results into a folder there. Move it away."
            )
        if self.page.exists() and self.page.name not in self._written_before():
            raise Problem(
                f"{pasted(self.page)} was not written by the demo. Move it away: the demo puts its page there."
            )
        self._holds_the_last = True
        with self._writing():
            for place in (folder, self._list.parent):
                place.mkdir(parents=True, exist_ok=True)
                with TemporaryFile(dir=place):  # what permissions and mount options together allow is seen by trying
                    pass
            self._list.open("a").close()

    def path_for(self, key: str) -> Path:
        """A path for a result, as close to its key as the file system and a person's own files allow."""
        self._remove_the_last()
        *folders, name = [_safe_name(part) for part in key.split("/") if part] or ["_"]
        place = self.folder
        for folder in folders:
            place = _free(place, folder, lambda path: path.is_dir() and path != self._list.parent)
        return self._own(_free(place, name, lambda _: False))

    def page_file(self, name: str) -> Path:
        """A path for something that the page shows."""
        return self._own(self.folder / PAGE_FILES / name)

    def write_page(self, html: str) -> None:
        """Write the page itself, whole or not at all.

        Raises:
            Problem: it cannot be written.
        """
        path = self._own(self.page)
        with self._writing():
            try:
                path.write_text(html, encoding="utf-8")
            except OSError:
                path.unlink(missing_ok=True)
                raise

    def _own(self, path: Path) -> Path:
        """Note the file before it is written, so that even an interrupted demo's files are known."""
        self._remove_the_last()
        with self._writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._list.open("a", encoding="utf-8") as written:
                written.write(json.dumps(path.relative_to(self.folder).as_posix()) + "\n")
        return path

    def _remove_the_last(self) -> None:
        """Remove what the last demo wrote, unless this one has done so already."""
        if not self._holds_the_last:
            return
        self._holds_the_last = False
        with self._writing():
            own = self._written_before()
            for name in own:
                (self.folder / name).unlink(missing_ok=True)
            self._remove_empty_folders(own)
            self._list.parent.mkdir(exist_ok=True)
            self._list.write_text("")

    def _writing(self) -> AbstractContextManager[None]:
        return writing_to(self.folder, "The demo's results")

    def _written_before(self) -> list[str]:
        try:
            names = [json.loads(line) for line in self._list.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError):
            return []
        here = self.folder.resolve()
        return [name for name in names if (here / name).parent.resolve().is_relative_to(here)]

    def _remove_empty_folders(self, names: list[str]) -> None:
        """Remove the folders that only held these files."""
        folders = {parent for name in names for parent in Path(name).parents if parent != Path()}
        for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
            path = self.folder / folder
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def _free(place: Path, name: str, may_be_used: Callable[[Path], bool]) -> Path:
    """`name` in `place`, numbered when something is there that may not be used, or the page goes there."""
    stem, suffix = Path(name).stem, Path(name).suffix
    number, path = 1, place / name
    while path.name == "index.html" or (path.exists() and not may_be_used(path)):
        number += 1
        path = place / f"{stem}-{number}{suffix}"
    return path


def _safe_name(part: str) -> str:
    """A file name for one part of a key: never the folder above, never longer than a file system takes."""
    if part in (".", ".."):
        return "_" * len(part)
    encoded = part.encode()
    if len(encoded) <= _LONGEST_NAME_BYTES:
        return part
    suffix = Path(part).suffix if len(Path(part).suffix) <= 10 else ""
    digest = hashlib.sha256(encoded).hexdigest()[:12]
    return encoded[:_LONGEST_NAME_BYTES].decode("utf-8", "ignore") + "-" + digest + suffix
