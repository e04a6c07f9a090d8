"""Which files the demo drops, and under which names."""

import os
from pathlib import Path

import pytest
from PIL import Image

from local.photos import find_photos
from local.problem import Problem


def test_without_a_folder_the_samples_are_dropped_and_their_readme_is_not() -> None:
    """They are the five photos of the repository."""
    names = [photo.name for photo in find_photos("")]
    assert "portrait.jpg" in names
    assert "README.md" not in names


def test_every_file_of_a_folder_is_dropped_under_its_path(tmp_path: Path) -> None:
    """A text file too: what becomes of it is worth seeing."""
    for name in ["b.jpg", "a/b/c d.png", "README.md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [photo.name for photo in find_photos(str(tmp_path))] == ["README.md", "a/b/c d.png", "b.jpg"]


def test_a_single_file_will_do(tmp_path: Path) -> None:
    """The simplest question is: this photo, please."""
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg")
    (photo,) = find_photos(str(tmp_path / "a.jpg"))
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
    assert [photo.name for photo in find_photos(str(tmp_path), out=tmp_path / "out")] == ["a.jpg"]


def test_a_name_that_no_key_can_have_is_told_and_not_sent(tmp_path: Path) -> None:
    """Linux allows names that are not text, and paths longer than a key."""
    try:
        (tmp_path / os.fsdecode(b"\xff.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes text only")
    deep = tmp_path.joinpath(*["d" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "a.jpg").touch()
    reasons = {photo.name[:8]: photo.unsendable for photo in find_photos(str(tmp_path))}
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
