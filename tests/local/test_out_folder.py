"""`out/`: the demo replaces its own files and no others."""

import errno
import os
from pathlib import Path

import pytest

from dropcut_cli.clone.problem import Problem
from local import out_folder
from local.out_folder import OutFolder


def write(out: OutFolder, *keys: str) -> list[Path]:
    """Results under these keys, and a page."""
    paths = []
    for key in keys:
        path = out.path_for(key)
        path.write_text(key)
        paths.append(path)
    out.page_file("1-before.webp").write_text("preview")
    out.write_page("<p>page")
    return paths


def files(folder: Path) -> set[str]:
    """All files but the list."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return names - {"index.files/written.txt"}


def test_a_second_demo_replaces_what_the_first_wrote(tmp_path: Path) -> None:
    """Nothing of the first stays."""
    write(OutFolder(tmp_path), "old/a.png", "b.png")
    write(OutFolder(tmp_path), "new/a.png")
    assert files(tmp_path) == {"new/a.png", "index.html", "index.files/1-before.webp"}
    assert not (tmp_path / "old").exists()


def test_an_interrupted_demos_files_are_replaced_too(tmp_path: Path) -> None:
    """It has written no page."""
    OutFolder(tmp_path).path_for("a.png").write_text("half")
    write(OutFolder(tmp_path), "b.png")
    assert files(tmp_path) == {"b.png", "index.html", "index.files/1-before.webp"}


def test_a_demo_that_comes_to_no_result_leaves_the_last_ones(tmp_path: Path) -> None:
    """Its settings were wrong, or it was stopped; the last demo's cut-outs may have been paid for."""
    write(OutFolder(tmp_path), "a.png")
    before = files(tmp_path)
    OutFolder(tmp_path)
    assert files(tmp_path) == before
    OutFolder(tmp_path).path_for("b.png")
    assert files(tmp_path) == set()


def test_a_persons_own_files_stay_as_they_are(tmp_path: Path) -> None:
    """Those beside the results, and one where a result would go."""
    (tmp_path / "a.png").write_text("mine")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "x.txt").write_text("mine")
    (path,) = write(OutFolder(tmp_path), "a.png")
    assert path.name == "a-2.png"
    write(OutFolder(tmp_path), "notes/b.png")
    OutFolder(tmp_path).path_for("c.png")
    assert (tmp_path / "a.png").read_text() == (tmp_path / "notes" / "x.txt").read_text() == "mine"
    assert files(tmp_path) == {"a.png", "notes/x.txt"}


def test_a_page_that_is_not_the_demos_is_not_overwritten(tmp_path: Path) -> None:
    """The demo stops before anything starts."""
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(Problem, match="not written by the demo"):
        OutFolder(tmp_path)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_page_that_does_not_fit_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of what was written fitted in."""
    out = OutFolder(tmp_path)

    def half(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text[: len(text) // 2].encode(encoding))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with out.path_for("a.png").open("w"):
        monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(Problem, match="cannot be written to: No space left on device"):
        out.write_page("<p>page")
    assert files(tmp_path) == {"a.png"}


def test_a_file_in_the_folders_place_is_a_problem(tmp_path: Path) -> None:
    """With a sentence."""
    (tmp_path / "out").write_text("")
    with pytest.raises(Problem, match="is a file"):
        OutFolder(tmp_path / "out")


def test_a_link_to_nowhere_in_the_folders_place_is_a_problem(tmp_path: Path) -> None:
    """The system's own words are that a file exists."""
    (tmp_path / "out").symlink_to("gone")
    with pytest.raises(Problem, match="out cannot be written to: it is a link to gone, which is not there"):
        OutFolder(tmp_path / "out")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_to_is_a_problem_before_anything_is_paid_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Found out by trying: a mount that is read-only has the permissions of one that is not."""

    def refused(dir: Path) -> None:
        raise OSError(number, os.strerror(number), str(dir / "tmp1"))

    monkeypatch.setattr(out_folder, "TemporaryFile", refused)
    with pytest.raises(Problem, match=f"cannot be written to: {os.strerror(number)}.* The demo's results go there."):
        OutFolder(tmp_path)


@pytest.mark.parametrize(
    "key",
    ["../../etc/passwd", "/etc/passwd", "a/../../b", "..", "/", "", "index.html", "index.files/1.png", "x" * 900],
)
def test_no_key_leads_out_of_the_folder_or_into_the_page(tmp_path: Path, key: str) -> None:
    """Keys come from events."""
    folder = tmp_path / "out"
    path = OutFolder(folder).path_for(key)
    assert path.resolve().is_relative_to(folder.resolve())
    assert path.resolve() != folder.resolve()
    assert path != folder / "index.html"
    assert (folder / "index.files") not in path.parents
    path.write_text("can be written")


def test_a_key_below_another_keys_file_finds_a_place(tmp_path: Path) -> None:
    """S3 allows `a` and `a/b` side by side; file systems do not."""
    first, second = write(OutFolder(tmp_path), "a.png", "a.png/b.png")
    assert first.read_text() == "a.png"
    assert second.read_text() == "a.png/b.png"


def test_a_damaged_list_removes_nothing_outside(tmp_path: Path) -> None:
    """It is a file like any other and may have been edited."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    out = tmp_path / "out"
    (out / "index.files").mkdir(parents=True)
    (out / "index.files" / "written.txt").write_text('"../victim"\n"..//victim"\n')
    OutFolder(out).path_for("a.png")
    assert victim.exists()
