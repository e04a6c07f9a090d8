"""The cut-out at the photo's size; small pictures, and one whose truth is known."""

import functools
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.imaging.decode import picture_errors
from dropcut.imaging.full_size import full_size_cutout
from dropcut.imaging.png import write_png
from PIL import Image, ImageCms, ImageOps

from tests.functions.photos_of_all_kinds import profile

Pixels = npt.NDArray[np.uint8]
LIMITS = DecodeLimits(max_pixels=100_000_000, max_frames=10)
FUNCTIONS = Path(__file__).parents[3] / "functions"


def disk(width: int, height: int, *, soft: float = 0.0) -> Pixels:
    """Alpha of a round subject in the middle, by area."""
    large = np.zeros((height * 4, width * 4), np.uint8)
    cv2.circle(large, (width * 2, height * 2), round(min(width, height) * 1.2), 255, -1)
    alpha = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(alpha, (0, 0), soft).astype(np.uint8) if soft else alpha.astype(np.uint8)


def photo_of(alpha: Pixels, front: tuple[int, int, int], behind: tuple[int, int, int]) -> Pixels:
    part = alpha[..., None].astype(np.float32) / 255
    grain = np.random.default_rng(0).normal(0, 1, (*alpha.shape, 3))
    mixed = part * np.array(front) + (1 - part) * np.array(behind) + grain
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def reduced(pixels: Pixels, width: int, height: int) -> Pixels:
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def saved(folder: Path, name: str, pixels: Pixels, **options: Any) -> Path:
    path = folder / name
    Image.fromarray(pixels).save(path, **options)
    return path


def cut(photo: Path, answer: Path, colour: Any = "keep") -> Pixels:
    pixels: Pixels = full_size_cutout(photo, answer, LIMITS, colour=colour).numpy()
    return pixels


def case(
    folder: Path, width: int, height: int, *, factor: float = 2.5, photo_name: str = "photo.png", **options: Any
) -> tuple[Path, Path, Pixels, Pixels]:
    """A red disk before a blue wall: photo and answer as files, the photo's pixels and the true alpha."""
    alpha = disk(width, height)
    pixels = photo_of(alpha, (200, 60, 50), (60, 90, 170))
    small = round(width / factor), round(height / factor)
    answer = np.dstack([reduced(pixels, *small), reduced(alpha, *small)])
    return saved(folder, photo_name, pixels, **options), saved(folder, "answer.png", answer), pixels, alpha


@pytest.mark.parametrize(("width", "height"), [(400, 300), (401, 299), (333, 517)])
def test_opaque_pixels_are_the_photos_own_and_clear_ones_are_black(tmp_path: Path, width: int, height: int) -> None:
    photo, answer, pixels, alpha = case(tmp_path, width, height)
    result = cut(photo, answer)
    assert result.shape == (height, width, 4)
    opaque, clear = result[..., 3] == 255, result[..., 3] == 0
    assert opaque[cv2.erode(alpha, np.ones((15, 15), np.uint8)) == 255].all()
    assert clear[cv2.dilate(alpha, np.ones((15, 15), np.uint8)) == 0].all()
    assert (result[opaque][:, :3] == pixels[opaque]).all()
    assert (result[clear] == 0).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_comes_out_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    _, _, stored, _ = case(tmp_path, 301, 203)
    stored[75:90, 125:140] = (20, 220, 40)  # inside the disk, off its middle: tells the directions apart
    photo = saved(tmp_path, "turned.png", stored, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(photo)))
    alpha = disk(upright.shape[1], upright.shape[0])
    small = round(upright.shape[1] / 2.2), round(upright.shape[0] / 2.2)
    answer = saved(tmp_path, "small.png", np.dstack([reduced(upright, *small), reduced(alpha, *small)]))
    result = cut(photo, answer)
    assert result.shape[:2] == upright.shape[:2]
    opaque = result[..., 3] == 255
    assert opaque[(upright == (20, 220, 40)).all(2)].all()
    assert (result[opaque][:, :3] == upright[opaque]).all()


@functools.cache  # a profile holds the second in which it was made
def profile_of_another_kind() -> bytes:
    """A profile that is not sRGB's: its red and blue change places."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")


def test_a_profile_is_kept_with_the_pixels_it_speaks_of(tmp_path: Path) -> None:
    photo, answer, pixels, _ = case(tmp_path, 300, 200, icc_profile=profile_of_another_kind())
    image = full_size_cutout(photo, answer, LIMITS, colour="keep")
    write_png(image, tmp_path / "result.png")
    with Image.open(tmp_path / "result.png") as result:
        assert result.info["icc_profile"] == profile_of_another_kind()
        assert result.getpixel((150, 100))[:3] == tuple(pixels[100, 150])  # type: ignore[index] - RGBA gives a tuple


def test_a_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    photo, answer, pixels, _ = case(tmp_path, 300, 200, icc_profile=profile_of_another_kind())
    image = full_size_cutout(photo, answer, LIMITS, colour="srgb")
    assert image.get_typeof("icc-profile-data") == 0
    red, _, blue, _ = image(150, 100)
    assert blue > red  # the profile's red is blue
    assert pixels[100, 150, 0] > pixels[100, 150, 2]


FRONT, BEHIND = (200, 60, 50), (60, 90, 170)


def in_srgb(colour: tuple[int, int, int], icc: bytes) -> list[int]:
    """What the API's answer has for a colour of that profile, converted by another library."""
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(source, target, "RGB", "RGB", renderingIntent=intent)
    pixel = ImageCms.applyTransform(Image.new("RGB", (1, 1), colour), transform)
    return list(pixel.getpixel((0, 0)))  # type: ignore[union-attr, arg-type] - RGB gives a tuple


@pytest.mark.parametrize("factor", [1, 2.5])
def test_the_answers_colours_are_brought_into_the_profile_that_the_photo_keeps(tmp_path: Path, factor: float) -> None:
    """The API cleaned the edges up, in sRGB; the cut-out has the same colour there, as its own profile says it."""
    icc = profile("p3")
    alpha = disk(600, 400, soft=4)
    photo = saved(tmp_path, "photo.png", photo_of(alpha, FRONT, BEHIND), icc_profile=icc)
    small = reduced(alpha, round(600 / factor), round(400 / factor))
    colours = np.full((*small.shape, 3), in_srgb(FRONT, icc), np.uint8)
    result = cut(photo, saved(tmp_path, "answer.png", np.dstack([colours, small])))
    edges = (result[..., 3] > 40) & (result[..., 3] < 215)
    assert np.abs(result[edges][:, :3].mean(0) - FRONT).max() < 1
    assert np.abs(np.array(in_srgb(FRONT, icc)) - FRONT).max() > 15  # the difference if it were not converted


@pytest.mark.parametrize("icc", [profile("p3"), profile_of_another_kind()], ids=["Display P3", "another kind"])
def test_alpha_follows_the_same_edges_whatever_profile_the_photo_keeps(tmp_path: Path, icc: bytes) -> None:
    """The colours for which alpha is known and the colours that are looked up are of one space."""
    photo, answer, pixels, _ = case(tmp_path, 300, 200, icc_profile=icc)
    bare = saved(tmp_path, "bare.png", pixels)
    assert (cut(photo, answer)[..., 3] == cut(bare, answer)[..., 3]).all()


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_an_answer_of_the_photos_size_gives_its_alpha_as_it_is(tmp_path: Path, kind: str) -> None:
    photo, _, pixels, alpha = case(tmp_path, 203, 151)
    options = {"lossless": True} if kind == "webp" else {}
    answer = saved(tmp_path, f"answer.{kind}", np.dstack([pixels, alpha]), **options)
    assert (cut(photo, answer)[..., 3] == alpha).all()


def soft_disc(folder: Path, *, cleaned_up: bool) -> tuple[Path, Path, Pixels, Pixels]:
    """A disk out of focus and an answer of its own size: photo and answer as files, both as pixels."""
    alpha = disk(300, 200, soft=3)
    pixels = photo_of(alpha, (200, 60, 50), (60, 90, 170))
    colours = np.full_like(pixels, (200, 60, 50)) if cleaned_up else pixels
    colours = np.where(alpha[..., None] > 0, colours, 0).astype(np.uint8)
    answer = np.dstack([colours, alpha])
    return saved(folder, "photo.png", pixels), saved(folder, "answer.png", answer), pixels, answer


def test_a_cleaned_up_answer_gives_its_colours_where_it_is_half_transparent(
    tmp_path: Path,
) -> None:
    photo, answer, pixels, answered = soft_disc(tmp_path, cleaned_up=True)
    result, alpha = cut(photo, answer), answered[..., 3]
    assert (result[alpha < 255] == answered[alpha < 255]).all()
    assert (result[alpha == 255][:, :3] == pixels[alpha == 255]).all()


def test_an_answer_of_the_photos_size_that_was_not_cleaned_up_leaves_no_fringe(tmp_path: Path) -> None:
    photo, answer, pixels, answered = soft_disc(tmp_path, cleaned_up=False)
    result, alpha = cut(photo, answer), answered[..., 3]
    assert (result[..., 3] == alpha).all()
    assert (result[alpha == 255][:, :3] == pixels[alpha == 255]).all()
    edges = (alpha > 40) & (alpha < 215)
    apart = np.abs(result[edges][:, :3].astype(int) - (200, 60, 50)).mean()
    assert apart < np.abs(pixels[edges].astype(int) - (200, 60, 50)).mean() / 4


def test_an_answer_of_the_photos_size_brings_no_white_into_a_transparent_photo(tmp_path: Path) -> None:
    _, answer, pixels, answered = soft_disc(tmp_path, cleaned_up=True)
    own = np.full(pixels.shape[:2], 255, np.uint8)
    own[:, :150] = 128
    photo = np.dstack([pixels, own])
    on_white = np.rint(pixels * (own[..., None] / 255) + (255 - own[..., None])).astype(np.uint8)
    seen = np.where(own[..., None] == 255, answered[..., :3], on_white).astype(np.uint8)
    saved(tmp_path, "answer.png", np.dstack([seen, answered[..., 3]]))
    result = cut(saved(tmp_path, "own.png", photo), answer)
    half = (own == 128) & (answered[..., 3] > 0)
    assert np.abs(result[half][:, :3].astype(int) - pixels[half]).max() <= 2
    assert np.abs(result[..., 3].astype(float) - answered[..., 3] * (own / 255.0)).max() <= 0.5


def test_what_is_transparent_in_the_photo_stays_so(tmp_path: Path) -> None:
    _, answer, pixels, _ = case(tmp_path, 900, 600)
    own = np.full(pixels.shape[:2], 255, np.uint8)
    own[:, :450], own[:, 450:480] = 0, 128  # inside the disk, far from its edge too
    photo = saved(tmp_path, "own.png", np.dstack([pixels, own]))
    result = cut(photo, answer)
    assert (result[:, :450] == 0).all()
    assert set(result[285:315, 452:478, 3].ravel()) == {128}
    assert (result[285:315, 500:530] == np.dstack([pixels, own])[285:315, 500:530]).all()


@pytest.mark.parametrize("cleaned_up", [True, False])
def test_no_fringe_of_the_old_background_stays(tmp_path: Path, cleaned_up: bool) -> None:
    alpha = disk(600, 400, soft=3)
    pixels = photo_of(alpha, (200, 60, 50), (60, 90, 170))
    colours = np.full((160, 240, 3), (200, 60, 50), np.uint8) if cleaned_up else reduced(pixels, 240, 160)
    answer = saved(tmp_path, "answer.png", np.dstack([colours, reduced(alpha, 240, 160)]))
    result = cut(saved(tmp_path, "photo.png", pixels), answer).astype(int)
    edges = (result[..., 3] > 40) & (result[..., 3] < 215)
    apart = np.abs(result[edges][:, :3] - (200, 60, 50)).mean()
    plain = np.abs(pixels[edges].astype(int) - (200, 60, 50)).mean()
    assert apart < plain / 4


def test_strands_come_out_nearer_to_the_truth_than_by_lanczos(tmp_path: Path) -> None:
    alpha = np.zeros((600, 900), np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(60):
        start, end = rng.integers(0, 600, 2), rng.integers(300, 600, 2)
        cv2.line(alpha, [int(part) for part in start], [int(part) for part in end], 255, 2, cv2.LINE_AA)
    pixels = photo_of(alpha, (60, 40, 30), (180, 185, 190))
    small = reduced(alpha, 300, 200)
    answer = saved(tmp_path, "answer.png", np.dstack([reduced(pixels, 300, 200), small]))
    ours = cut(saved(tmp_path, "photo.png", pixels), answer)[..., 3].astype(float)
    lanczos = np.asarray(Image.fromarray(small).resize((900, 600), Image.Resampling.LANCZOS)).astype(float)
    assert ((ours - alpha) ** 2).mean() < ((lanczos - alpha) ** 2).mean() / 5


@pytest.mark.parametrize("kernel", [Image.Resampling.BOX, Image.Resampling.LANCZOS])
def test_strands_come_out_nearer_to_the_truth_than_by_lanczos_for_any_sharp_alpha(
    tmp_path: Path, kernel: Image.Resampling
) -> None:
    alpha = np.zeros((600, 900), np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(60):
        start, end = rng.integers(0, 600, 2), rng.integers(300, 600, 2)
        cv2.line(alpha, [int(part) for part in start], [int(part) for part in end], 255, 4, cv2.LINE_AA)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.8).astype(np.uint8)
    pixels = photo_of(alpha, (60, 40, 30), (180, 185, 190))
    small = np.asarray(Image.fromarray(alpha).resize((300, 200), kernel))
    answer = saved(tmp_path, "answer.png", np.dstack([reduced(pixels, 300, 200), small]))
    ours = cut(saved(tmp_path, "photo.png", pixels), answer)[..., 3].astype(float)
    lanczos = np.asarray(Image.fromarray(small).resize((900, 600), Image.Resampling.LANCZOS)).astype(float)
    assert ((ours - alpha) ** 2).mean() < ((lanczos - alpha) ** 2).mean() / 6  # the guide of the other kind: / 4


def grid(width: int, height: int) -> Pixels:
    """Wires of all thicknesses, in no one direction."""
    alpha = np.zeros((height, width), np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(160):
        start, end = (rng.integers(0, (width, height)).tolist() for _ in range(2))
        cv2.line(alpha, start, end, 255, int(rng.integers(2, 7)), cv2.LINE_AA)
    return cv2.GaussianBlur(alpha, (0, 0), 0.8).astype(np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "factor"), [(1200, 840, 1), (2000, 1400, 1.6)], ids=["of the photo's size", "smaller"]
)
@pytest.mark.parametrize("cleaned_up", [True, False])
def test_what_a_coarse_answer_did_not_see_the_photo_adds(
    tmp_path: Path, width: int, height: int, factor: float, cleaned_up: bool
) -> None:
    alpha = grid(width, height)
    pixels = photo_of(alpha, (60, 40, 30), (180, 185, 190))
    size = round(width / factor), round(height / factor)
    seen = cv2.resize(reduced(alpha, size[0] * 2 // 5, size[1] * 2 // 5), size, interpolation=cv2.INTER_CUBIC)
    colours = np.full((size[1], size[0], 3), (60, 40, 30), np.uint8) if cleaned_up else reduced(pixels, *size)
    answer = saved(tmp_path, "answer.png", np.dstack([colours, seen]).astype(np.uint8))
    ours = cut(saved(tmp_path, "photo.png", pixels), answer)
    lanczos = np.asarray(Image.fromarray(seen).resize((width, height), Image.Resampling.LANCZOS)).astype(float)
    assert ((ours[..., 3].astype(float) - alpha) ** 2).mean() < ((lanczos - alpha) ** 2).mean() / 4
    edges = (alpha > 40) & (alpha < 215) & (ours[..., 3] > 40)
    apart = np.abs(ours[edges][:, :3].astype(int) - (60, 40, 30)).mean()
    assert apart < np.abs(pixels[edges].astype(int) - (60, 40, 30)).mean() / 3


@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 129), (1000, 30), (31, 700)])
def test_no_tile_with_an_edge_is_missed(tmp_path: Path, width: int, height: int) -> None:
    """Whatever the photo's sides are to the tiles', also where its last tiles reach beyond it."""
    alpha = np.zeros((height, width), np.uint8)
    alpha[:, width // 2 :] = 255
    alpha[-height // 5 :] = 0
    pixels = photo_of(alpha, (200, 60, 50), (60, 90, 170))
    small = max(4, width // 3), max(4, height // 3)
    answer = saved(tmp_path, "answer.png", np.dstack([reduced(pixels, *small), reduced(alpha, *small)]))
    result = cut(saved(tmp_path, "photo.png", pixels), answer)[..., 3].astype(int)
    assert np.abs(result - alpha).mean() < 4
    assert result.max() == 255
    assert np.abs(result[:, : width // 2 - 8]).max() == 0


def test_a_narrow_photo_and_an_answer_hardly_larger_miss_no_edge(tmp_path: Path) -> None:
    alpha = np.full((600, 64), 255, np.uint8)
    alpha[:, :8] = 0
    pixels = photo_of(alpha, (200, 60, 50), (60, 90, 170))
    answer = saved(tmp_path, "answer.png", np.dstack([reduced(pixels, 64, 601), reduced(alpha, 64, 601)]))
    result = cut(saved(tmp_path, "photo.png", pixels), answer)[..., 3]
    assert result[:, :6].max() == 0


def test_a_photo_cut_off_in_the_middle_is_refused_when_it_is_read(tmp_path: Path) -> None:
    photo, answer, _, _ = case(tmp_path, 600, 400, photo_name="photo.jpg", quality=90)
    photo.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    with pytest.raises(PictureRefusedError), picture_errors():
        write_png(full_size_cutout(photo, answer, LIMITS, colour="keep"), tmp_path / "result.png")


PROBE = """
import sys
from pathlib import Path
from dropcut.core.picture_limits import DecodeLimits
from dropcut.imaging.full_size import full_size_cutout
from dropcut.imaging.png import write_png
photo, answer, result = map(Path, sys.argv[1:])
write_png(full_size_cutout(photo, answer, DecodeLimits(max_pixels=10**9, max_frames=1), colour="keep"), result)
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def most_mib(folder: Path, height: int) -> float:
    """The most memory that a process of its own needs for a photo 4,000 pixels wide."""
    photo, answer = folder / f"{height}.jpg", folder / f"{height}.png"
    pyvips.Image.gaussnoise(4000, height, mean=128, sigma=9).cast("uchar").bandjoin([90, 60]).copy(
        interpretation="srgb"
    ).jpegsave(str(photo))
    Image.fromarray(np.dstack([np.full((1000, 1000, 3), 128, np.uint8), disk(1000, 1000, soft=4)])).save(answer)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, photo, answer, folder / "result.png"],
        env={"PYTHONPATH": str(FUNCTIONS), "VIPS_CONCURRENCY": "2", "MALLOC_ARENA_MAX": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout) / 1024


@pytest.mark.slow
def test_memory_does_not_grow_with_the_photos_height(tmp_path: Path) -> None:
    assert most_mib(tmp_path, 10_000) < most_mib(tmp_path, 2_000) + 45  # decoded, the difference is 92 MiB


def test_a_png_holds_no_metadata_but_the_profile(tmp_path: Path) -> None:
    photo, answer, _, _ = case(tmp_path, 120, 90)
    write_png(full_size_cutout(photo, answer, LIMITS, colour="keep"), tmp_path / "result.png")
    with Image.open(io.BytesIO((tmp_path / "result.png").read_bytes())) as result:
        result.load()
        assert result.mode == "RGBA"
        assert not result.getexif()
        assert "icc_profile" not in result.info
