"""What a taken-over process leaves in its folder is taken only if it is what it may be."""

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from dropcut.adapters.decoder_results import UntrueAnswerError, fitted, rendition_files
from dropcut.core.picture_limits import DecodeLimits, Fitted
from dropcut.core.rendition import Rendition

from tests.functions.pictures import cutout, picture

LIMITS = DecodeLimits(max_pixels=50_000_000, max_frames=10)
TRUE = {
    "format": "jpeg",
    "width": 80,
    "height": 64,
    "note": "Assumed sRGB.",
}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "sendable").write_bytes(picture("jpeg"))
    return folder


def test_an_honest_picture_is_moved_to_where_it_is_wanted(made: Path, tmp_path: Path) -> None:
    assert fitted(TRUE, made, tmp_path / "target") == Fitted(**TRUE)
    assert (tmp_path / "target").read_bytes() == picture("jpeg")
    assert list(made.iterdir()) == []


LIES: dict[str, dict[str, Any]] = {
    "another format": {"format": "png"},
    "a format that splits headers": {"format": "jpeg\r\nx-amz-acl: public-read"},
    "another width": {"width": 81},
    "a height in words": {"height": "64"},
    "a note that is none": {"note": ["x"]},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_not_believed_and_nothing_is_taken(made: Path, tmp_path: Path, lie: dict[str, Any]) -> None:
    with pytest.raises(UntrueAnswerError):
        fitted({**TRUE, **lie}, made, tmp_path / "target")


def test_a_path_that_it_names_is_not_looked_at(made: Path, tmp_path: Path) -> None:
    fitted({**TRUE, "path": "/etc/passwd", "target": "/etc/passwd"}, made, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == picture("jpeg")


def sparse(path: Path) -> None:
    path.write_bytes(picture("jpeg"))
    os.truncate(path, 2 * 1024**3)


def hard_link(path: Path) -> None:
    path.with_name("other").write_bytes(picture("jpeg"))
    path.hardlink_to(path.with_name("other"))


def symlink(path: Path) -> None:
    path.with_name("other").write_bytes(picture("jpeg"))
    path.symlink_to(path.with_name("other"))


def with_more_pixels(path: Path) -> None:
    path.write_bytes(picture("jpeg", width=2100, height=2000))


NO_FILES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "an empty file": lambda path: path.touch(),
    "a text": lambda path: path.write_text("root:x:0:0:root:/root:/bin/bash"),
    "another size than was stated": lambda path: path.write_bytes(picture("jpeg", width=81)),
    "a symlink to a picture": symlink,
    "a symlink to nowhere": lambda path: path.symlink_to("/no/where"),
    "a pipe that nobody writes to": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a sparse file of 2 GiB": sparse,
    "a picture with another name": hard_link,
    "more pixels than can be sent": with_more_pixels,
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("leave", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_ordinary_picture_is_not_taken(made: Path, tmp_path: Path, leave: Callable[[Path], object]) -> None:
    (made / "sendable").unlink()
    leave(made / "sendable")
    stated = {**TRUE, "width": 2100, "height": 2000} if leave is with_more_pixels else TRUE
    with pytest.raises(UntrueAnswerError):
        fitted(stated, made, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_file_of_somebody_else_is_not_taken(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(UntrueAnswerError):
        fitted(TRUE, made, tmp_path / "target")


FULL, SHOP = Rendition(name="full"), Rendition(name="shop", format="jpeg", background="#ffffff")
SAID = [
    {"format": "png", "width": 80, "height": 64, "note": "", "path": "/etc/passwd", "rendition": "../../etc/passwd"},
    {"format": "jpeg", "width": 80, "height": 64, "note": "", "size_bytes": -1},
]


@pytest.fixture
def renditions(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "full.png").write_bytes(cutout("png"))
    (folder / "shop.jpg").write_bytes(picture("jpeg"))
    return folder


def test_names_paths_and_sizes_of_renditions_are_ours(renditions: Path, tmp_path: Path) -> None:
    files = rendition_files({"made": SAID}, renditions, [FULL, SHOP], tmp_path, LIMITS)
    assert [asdict(file) for file in files] == [
        {
            "rendition": name,
            "path": str(tmp_path / file),
            "format": form,
            "width": 80,
            "height": 64,
            "size_bytes": (tmp_path / file).stat().st_size,
            "note": "",
        }
        for name, file, form in (("full", "full.png", "png"), ("shop", "shop.jpg", "jpeg"))
    ]


def test_what_cannot_be_in_its_format_is_taken_as_png_alone(renditions: Path, tmp_path: Path) -> None:
    as_webp, as_avif = replace(FULL, format="webp"), replace(FULL, format="avif", longest_side=100)
    for asked in (as_webp, as_avif):
        (renditions / "full.png").write_bytes(cutout("png"))
        [file] = rendition_files({"made": SAID[:1]}, renditions, [asked], tmp_path, LIMITS)
        assert file.format == "png"
    with pytest.raises(UntrueAnswerError):
        rendition_files({"made": SAID[1:]}, renditions, [replace(SHOP, name="full", format="png")], tmp_path, LIMITS)


@pytest.mark.parametrize("said", [SAID[:1], [*SAID, SAID[0]], [1, 2], {"full": 1}, None, SAID[::-1]])
def test_other_renditions_than_were_asked_for_are_not_taken(renditions: Path, tmp_path: Path, said: Any) -> None:
    with pytest.raises(UntrueAnswerError):
        rendition_files({"made": said}, renditions, [FULL, SHOP], tmp_path, LIMITS)
