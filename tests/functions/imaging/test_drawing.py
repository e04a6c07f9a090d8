"""Which pictures are sent without a loss: drawings and screenshots are, photos and gradients are not."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from dropcut.core.api_limits import MAX_PICTURE_BYTES, MAX_PIXELS
from dropcut.core.picture_limits import DecodeLimits, Fitted
from dropcut.imaging import fit as fitting
from dropcut.imaging.fit import fit

from tests.functions.photos_of_all_kinds import profile
from tests.functions.pictures import is_sent_as_it_was

Levels = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 2400, 1800
"""More than the API takes."""
LIMITS = DecodeLimits(max_pixels=30_000_000, max_frames=10)


@cache
def screenshot(width: int = WIDTH, height: int = HEIGHT, *, dark: bool = False, step: int = 26) -> Levels:
    """Bars, and lines of text with soft edges."""
    rng = np.random.default_rng(1)
    page, ink = (32, 225) if dark else (255, 30)
    picture = np.full((height, width, 3), page, np.uint8)
    picture[: height // 18] = (60, 90, 160)
    picture[:, : width // 6] = (235, 238, 242) if not dark else (50, 50, 58)
    for y in range(height // 18 + step, height, step):
        text = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz     "), width // 12))
        cv2.putText(picture, text, (width // 5, y), cv2.FONT_HERSHEY_SIMPLEX, step / 44, (ink,) * 3, 1, cv2.LINE_AA)
    return picture


@cache
def drawing(count: int = 60) -> Levels:
    rng = np.random.default_rng(2)
    picture = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
    palette = rng.integers(0, 256, (8, 3)).tolist()
    for _ in range(count):
        x, y, to_x, to_y = (int(rng.integers(side)) for side in (WIDTH, HEIGHT, WIDTH, HEIGHT))
        cv2.circle(picture, (x, y), int(rng.integers(30, 300)), palette[rng.integers(8)], -1, cv2.LINE_AA)
        cv2.rectangle(picture, (x, y), (x + 300, y + 160), palette[rng.integers(8)], -1)
        cv2.line(picture, (x, y), (to_x, to_y), (0, 0, 0), int(rng.integers(2, 10)), cv2.LINE_AA)
    return picture


def line_art() -> Levels:
    rng = np.random.default_rng(3)
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for ends in rng.integers(0, HEIGHT, (150, 4)).tolist():
        cv2.line(picture, ends[:2], ends[2:], (0, 0, 0), 3, cv2.LINE_AA)
    return picture


def gradient() -> Levels:
    across, down = np.linspace(0, 1, WIDTH)[None, :, None], np.linspace(0, 1, HEIGHT)[:, None, None]
    return levels(np.array([40, 90, 160]) * (1 - across) + np.array([230, 180, 120]) * across * down)


@cache
def photo(noise: float = 1.5) -> Levels:
    """Soft structures of all sizes, and a camera's noise."""
    rng = np.random.default_rng(4)
    picture = noise * rng.standard_normal((HEIGHT, WIDTH, 3), np.float32) + 128
    for cells in (6, 25, 100, 400):
        coarse = rng.standard_normal((cells, cells, 3), np.float32)
        picture += 90 / cells**0.4 * cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return levels(picture)


def product() -> Levels:
    """A photo of a thing on pure white, as shops have them."""
    thing = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    cv2.ellipse(thing, (WIDTH // 2, HEIGHT // 2), (800, 600), 0, 0, 360, 1, -1, cv2.LINE_AA)
    return levels(thing * photo() + (1 - thing) * 255)


@cache
def noise() -> Levels:
    return levels(128 + 40 * np.random.default_rng(5).standard_normal((HEIGHT, WIDTH, 3), np.float32))


def levels(values: npt.NDArray[np.floating]) -> Levels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def image(pixels: Levels) -> pyvips.Image:
    return pyvips.Image.new_from_array(pixels).copy(interpretation="srgb")


def fitted(folder: Path, picture: pyvips.Image, suffix: str = ".png") -> tuple[Fitted, pyvips.Image]:
    """What `fit` says, and the picture that it wrote, with the assurance that the API takes it."""
    source, target = folder / "photo", folder / "sendable"
    source.write_bytes(picture.write_to_buffer(suffix))
    found = fit(source, target, LIMITS)
    assert target.stat().st_size <= MAX_PICTURE_BYTES
    assert [path for path in folder.iterdir() if path not in (source, target)] == []
    sent = pyvips.Image.new_from_file(str(target), revalidate=True)
    assert (sent.width, sent.height) == (found.width, found.height)
    assert str(sent.get("vips-loader")).startswith(found.format)
    return found, sent


DRAWN: dict[str, Callable[[], Levels]] = {
    "screenshot": screenshot,
    "dark screenshot": lambda: screenshot(dark=True),
    "long page of small text": lambda: screenshot(1200, 6000, step=20),
    "drawing": drawing,
    "crowded drawing": lambda: drawing(300),
    "line art": line_art,
}
PHOTOGRAPHED: dict[str, Callable[[], Levels]] = {
    "photo": photo,
    "photo without noise": lambda: photo(noise=0),
    "photo with much noise": lambda: photo(noise=8),
    "product on white": product,
    "noise": noise,
    "scan of text": lambda: levels(0.9 * screenshot() + 0.1 * noise()),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawing_that_has_to_be_shrunk_loses_nothing_more(tmp_path: Path, name: str) -> None:
    found, sent = fitted(tmp_path, image(DRAWN[name]()))
    assert found.format == "png"
    assert found.width * found.height > 0.998 * MAX_PIXELS, "losslessness costs no pixels"
    shrunk = pyvips.Image.new_from_file(str(tmp_path / "photo"))
    shrunk = shrunk.resize(found.width / shrunk.width, vscale=found.height / shrunk.height, kernel="lanczos3")
    assert (sent - shrunk).abs().avg() < 0.5


def test_a_gradient_compresses_as_a_drawing_and_better_as_jpeg(tmp_path: Path) -> None:
    assert fitted(tmp_path, image(gradient()))[0].format == "jpeg"


@pytest.mark.parametrize("name", PHOTOGRAPHED)
def test_no_second_file_is_written_of_a_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(fitting, "write_drawing", None)
    assert fitted(tmp_path, image(PHOTOGRAPHED[name]()))[0].format == "jpeg"


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (".tif[compression=none]", "png"),
        (".tif[compression=lzw]", "png"),
        (".gif", "png"),
        (".webp[lossless=true,effort=0]", "png"),
        (".webp[Q=90,effort=0]", "jpeg"),
        (".jpg[Q=90]", "jpeg"),
    ],
)
def test_a_drawing_is_known_in_every_format_that_keeps_it_whole(tmp_path: Path, suffix: str, expected: str) -> None:
    assert fitted(tmp_path, image(drawing()), suffix)[0].format == expected


@pytest.mark.parametrize("suffix", [".tif[compression=none]", ".tif[compression=lzw]", ".webp[lossless=true,effort=0]"])
def test_a_photo_that_was_kept_whole_is_no_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(fitting, "write_drawing", None)
    assert fitted(tmp_path, image(product()), suffix)[0].format == "jpeg"


def test_a_drawing_that_is_only_written_anew_keeps_every_pixel(tmp_path: Path) -> None:
    small = image(drawing()[:800, :1000])
    fitted(tmp_path, small.bandjoin(255))
    assert is_sent_as_it_was((tmp_path / "photo").read_bytes(), (tmp_path / "sendable").read_bytes())
    half = small.bandjoin((pyvips.Image.xyz(1000, 800)[0] > 500).cast("uchar")).copy(interpretation="srgb")
    found, sent = fitted(tmp_path, half)
    assert found.format == "png"
    assert (sent - half.flatten(background=255)).abs().max() == 0


def test_a_drawing_too_large_for_a_request_is_sent_as_jpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _sent = fitted(tmp_path, image(drawing()))
    size = (tmp_path / "sendable").stat().st_size
    for ceiling, expected in ((size, "png"), (size - 1, "jpeg")):
        monkeypatch.setattr(fitting, "MAX_PICTURE_BYTES", ceiling)
        again, _sent = fitted(tmp_path, image(drawing()))
        assert (again.format, again.width, again.height) == (expected, found.width, found.height)


def test_a_drawings_profile_is_converted_and_not_sent(tmp_path: Path) -> None:
    tagged = image(drawing())
    tagged.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile("p3"))
    found, sent = fitted(tmp_path, tagged)
    assert (found.format, sent.get_typeof("icc-profile-data")) == ("png", 0)
