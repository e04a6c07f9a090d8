"""Which files the demo drops, and under which names."""

import os
from pathlib import Path

import pytest
from PIL import Image

from dropcut_cli.clone.problem import Problem
from local.photos import find_photos


def test_without_a_folder_the_samples_are_dropped_and_their_readme_is_not() -> None:
    """They are the five photos of the repository."""
    names = [photo.name for photo in find_photos("").photos]
    assert "portrait.jpg" in names
    assert "README.md" not in names


def test_every_photo_of_a_folder_is_dropped_under_its_path(tmp_path: Path) -> None:
    """Also what may be one by its name: the pipeline says what it is."""
    for name in ["b.jpg", "a/b/c d.png", "scan", "x.unknown"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_photos(str(tmp_path))
    assert [photo.name for photo in found.photos] == ["a/b/c d.png", "b.jpg", "scan", "x.unknown"]
    assert found.left_out == ""


def leave(folder: Path, *names: str) -> None:
    """A photo, and empty files of these names; a name that ends with a slash is a folder with a photo in it."""
    for name in ["a.jpg", *names]:
        path = folder / name / "in.jpg" if name.endswith("/") else folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["README.md"], "1 file left out: README.md (no picture by its name)"),
        (["b/notes.TXT", "clip.mov"], "2 files left out: b/notes.TXT, clip.mov (no picture by its name)"),
        ([".DS_Store", ".thumbs/"], "2 files left out: .DS_Store, .thumbs/ (hidden)"),
        ([".x", "z.md"], "2 files left out: .x (hidden); z.md (no picture by its name)"),
        (
            [f"{number}.md" for number in range(7)],
            "7 files left out: 0.md, 1.md, 2.md, 3.md, 4.md and 2 more (no picture by its name)",
        ),
        (["\x1b[31m.md"], r"1 file left out: \u001b[31m.md (no picture by its name)"),
    ],
)
def test_what_is_plainly_no_photo_is_left_out_and_named_in_one_line(
    tmp_path: Path, names: list[str], line: str
) -> None:
    leave(tmp_path, *names)
    found = find_photos(str(tmp_path))
    assert [photo.name for photo in found.photos] == ["a.jpg"]
    assert found.left_out == line


def test_links_to_folders_and_to_nowhere_are_left_out_and_others_are_photos(tmp_path: Path) -> None:
    """A link to a folder may lead in circles."""
    photos = tmp_path / "photos"
    leave(photos)
    (photos / "album").symlink_to(photos)
    (photos / "gone.jpg").symlink_to("nowhere")
    (photos / "linked.jpg").symlink_to("a.jpg")
    found = find_photos(str(photos))
    assert [photo.name for photo in found.photos] == ["a.jpg", "linked.jpg"]
    assert found.left_out == "2 files left out: album/ (a link to a folder); gone.jpg (a link that leads nowhere)"


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, "private/")
    real = os.scandir

    def refused(path: str) -> object:
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert find_photos(str(tmp_path)).left_out == "1 file left out: private/ (cannot be read)"


def test_a_folder_without_a_photo_says_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    with pytest.raises(Problem, match=r"(?s)There is no photo in .*1 file left out: README.md"):
        find_photos(str(tmp_path))


def test_a_single_file_will_do(tmp_path: Path) -> None:
    """The simplest question is: this photo, please."""
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg")
    (photo,) = find_photos(str(tmp_path / "a.jpg")).photos
    assert photo.name == "a.jpg"


def test_a_single_file_that_is_no_picture_is_a_problem(tmp_path: Path) -> None:
    """Most likely it was meant to be a folder."""
    (tmp_path / "README.md").write_text("# Photos")
    with pytest.raises(Problem, match="a file and no picture"):
        find_photos(str(tmp_path / "README.md"))


@pytest.mark.parametrize("photos", ["out", "out/people", "out/a.jpg"])
def test_what_the_demo_is_about_to_replace_is_no_photo(tmp_path: Path, photos: str) -> None:
    """It would be gone while it is uploaded."""
    (tmp_path / "out" / "people").mkdir(parents=True)
    (tmp_path / "out" / "a.jpg").touch()
    with pytest.raises(Problem, match="which this demo replaces"):
        find_photos(str(tmp_path / photos), out=tmp_path / "out")


def test_results_of_an_earlier_demo_are_no_photos(tmp_path: Path) -> None:
    """When the folder holds `out/`."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").touch()
    (tmp_path / "a.jpg").touch()
    assert [photo.name for photo in find_photos(str(tmp_path), out=tmp_path / "out").photos] == ["a.jpg"]


def test_a_name_that_no_key_can_have_is_named_and_not_sent(tmp_path: Path) -> None:
    """Linux allows names that are not text, and paths longer than a key."""
    try:
        (tmp_path / os.fsdecode(b"\xff.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes text only")
    deep = tmp_path.joinpath(*["d" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "a.jpg").touch()
    reasons = {photo.name[:8]: photo.unsendable for photo in find_photos(str(tmp_path)).photos}
    assert "UTF-8" in reasons["\\xff.jpg"]
    assert "1024 are allowed" in reasons["dddddddd"]


@pytest.mark.parametrize("make", [False, True])
def test_a_missing_or_empty_folder_is_a_problem(tmp_path: Path, make: bool) -> None:
    """With the way out."""
    folder = tmp_path / "photos"
    if make:
        folder.mkdir()
    with pytest.raises(Problem, match="photos"):
        find_photos(str(folder))
