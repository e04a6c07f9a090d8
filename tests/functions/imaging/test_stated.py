"""What a file says of its pixels by other means than a profile is heard; kinds that are rare come out right."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.imaging import colour
from dropcut.imaging.decode import open_upright, shows_as_srgb
from dropcut.imaging.fit import fit
from dropcut.imaging.light import rendered
from PIL import Image

from tests.functions import odd_photos
from tests.functions.odd_photos import BRIGHT, COLOURED, DELIVERED, RARE, UNREAD
from tests.functions.photos_of_all_kinds import GREEN, RED, corners, near, pixels
from tests.functions.pictures import decoded, is_sent_as_it_was, picture

LIMITS = DecodeLimits(max_pixels=1_000_000, max_frames=10)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return tmp_path / "photo"


@pytest.mark.parametrize("kind", COLOURED | BRIGHT | RARE)
def test_colours_come_out_as_the_file_means_them(photo: Path, kind: str) -> None:
    photo.write_bytes((COLOURED | BRIGHT | RARE)[kind]())
    image = open_upright(photo, LIMITS)
    tolerance = {"AVIF, PQ": 20, "BMP, 5-6-5 backwards": 5}.get(kind, 4)  # 8 bits of PQ are coarse, and so are 5
    for have, want in zip(corners(image), (RED, GREEN, GREEN, GREEN), strict=True):
        assert near(have[:3], want, by=tolerance)
        assert have[3:] in ([], [128] if kind == "AVIF, alpha multiplied in" else [255])
    assert colour.note(image).startswith("Made for bright screens") is (kind in BRIGHT)


@pytest.mark.parametrize("kind", COLOURED)
def test_stated_colours_are_kept_by_a_profile_that_says_the_same(photo: Path, kind: str) -> None:
    photo.write_bytes(COLOURED[kind]())
    kept = open_upright(photo, LIMITS, colour="keep")
    is_deep = "linear" in kind
    assert (kept.get_typeof(colour.PROFILE) != 0) is not is_deep
    for have, want in zip(corners(colour.to_srgb(kept)), (RED, GREEN, GREEN, GREEN), strict=True):
        assert near(have, want, by=5)


@pytest.mark.parametrize("kind", COLOURED | BRIGHT)
def test_stated_colours_are_sent_as_srgb_and_a_note_says_what_was_rendered(photo: Path, kind: str) -> None:
    photo.write_bytes((COLOURED | BRIGHT)[kind]())
    found = fit(photo, photo.with_name("sent"), LIMITS)
    sent = photo.with_name("sent").read_bytes()
    assert not is_sent_as_it_was(photo.read_bytes(), sent)
    assert bool(found.note) is (kind in BRIGHT)
    # Pillow types a pixel as a number too: this one is RGB.
    assert near(decoded(sent).getpixel((20, 16)), RED, by=20 if kind == "AVIF, PQ" else 6)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [odd_photos.gamma(2.2), odd_photos.cicp(1, 13), odd_photos.cicp(1, 1), odd_photos.cicp(2, 2)],
    ids=["1/2.2", "sRGB", "television", "unspecified"],
)
def test_srgb_said_in_other_words_changes_nothing(photo: Path, said: bytes) -> None:
    photo.write_bytes(odd_photos.png(odd_photos.shown(), said))
    assert shows_as_srgb(photo)
    fit(photo, photo.with_name("sent"), LIMITS)
    sent = photo.with_name("sent").read_bytes()
    assert is_sent_as_it_was(photo.read_bytes(), sent)
    assert b"cICP" not in sent


def test_a_profile_goes_before_what_exif_says(photo: Path) -> None:
    photo.write_bytes(picture("jpeg", quality=95, exif=odd_photos.exif_of_adobe_rgb(), icc_profile=b"none"))
    assert not shows_as_srgb(photo)
    photo.write_bytes(picture("jpeg", quality=95, exif=odd_photos.exif_of_adobe_rgb()[:-20]))
    assert shows_as_srgb(photo)


def test_light_above_white_keeps_its_order_and_hue() -> None:
    row = pyvips.Image.new_from_array([[0.1, 0.5, 1.0, 2.0, 4.0, 8.0]]).cast("float")
    shown = rendered(row.bandjoin([row * 0.5, row * 0.25]), white=1, peak=8).numpy()[0].astype(float)
    assert (np.diff(shown[:, 0]) > 0).all()
    assert shown[-1, 0] == pytest.approx(65_535, abs=40)
    plain = rendered(row.bandjoin([row * 0.5, row * 0.25]), white=1, peak=1).numpy()[0]
    assert np.abs(shown[:2] - plain[:2]).max() <= 1


def test_what_a_gifs_first_frame_leaves_free_is_clear(photo: Path) -> None:
    photo.write_bytes(odd_photos.gif_on_a_larger_canvas())
    image = open_upright(photo, LIMITS)
    assert (image.width, image.height) == (100, 80)
    outside, inside = pixels(image, (3, 3), (20, 20))
    assert outside[3] == 0
    assert near(inside, (*RED, 255), by=8)


def test_grey_heic_of_ten_bits_is_read(photo: Path) -> None:
    photo.write_bytes(odd_photos.grey_heic())
    assert near(corners(open_upright(photo, LIMITS))[1], [GREEN[1]] * 3)


@pytest.mark.parametrize("kind", UNREAD)
def test_a_kind_that_is_not_read_is_unsupported_and_named(photo: Path, kind: str) -> None:
    photo.write_bytes(UNREAD[kind]())
    with pytest.raises(PictureRefusedError, match=kind) as refusal:
        fit(photo, photo.with_name("sent"), LIMITS)
    assert refusal.value.code == "unsupported"
    assert "Save it as" in refusal.value.reason


# ---- wrong and missing marks


@pytest.mark.parametrize("kind", DELIVERED)
def test_a_photo_that_lacks_only_a_mark_is_delivered_but_not_as_it_is(photo: Path, kind: str) -> None:
    photo.write_bytes(DELIVERED[kind]())
    fit(photo, photo.with_name("sent"), LIMITS)
    sent = photo.with_name("sent").read_bytes()
    assert not is_sent_as_it_was(photo.read_bytes(), sent)
    assert near(decoded(sent).getpixel((20, 16)), RED, by=8)  # type: ignore[arg-type]
    assert b"secret" not in sent


def test_a_zlib_window_that_is_promised_too_small_is_no_damage(photo: Path) -> None:
    photo.write_bytes(odd_photos.small_window())
    assert fit(photo, photo.with_name("sent"), LIMITS).width == 80


@pytest.mark.parametrize("change", [0x01, 0x80])
def test_a_png_whose_pixels_were_changed_is_damaged_though_its_rows_inflate(photo: Path, change: int) -> None:
    """Stored without compression, so that any byte inflates; neither checksum is right then."""
    stream = bytearray(zlib.compress(bytes(64 * 241), 0))
    stream[5000] ^= change
    content = odd_photos.png(odd_photos.shown(), stream=bytes(stream), idat_is_right=False)
    photo.write_bytes(content)
    with pytest.raises(PictureRefusedError) as refusal:
        fit(photo, photo.with_name("sent"), LIMITS)
    assert refusal.value.code == "damaged"


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.97])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_more_than_its_end_is_damaged(photo: Path, kept: float, progressive: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photo, "jpeg", quality=90, progressive=progressive)
    whole = photo.read_bytes()
    photo.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(PictureRefusedError) as refusal:
        fit(photo, photo.with_name("sent"), LIMITS)
    assert refusal.value.code == "damaged"


def test_a_progressive_jpeg_that_lacks_its_last_scan_is_damaged(photo: Path) -> None:
    """What is there decodes without a warning."""
    whole = picture("jpeg", width=300, height=300, progressive=True)
    photo.write_bytes(whole[: whole.rindex(b"\xff\xda")])
    with pytest.raises(PictureRefusedError) as refusal:
        fit(photo, photo.with_name("sent"), LIMITS)
    assert refusal.value.code == "damaged"


@pytest.mark.parametrize("length", [12, 100, 5000])
@pytest.mark.parametrize("progressive", [False, True])
def test_nothing_behind_the_scan_is_sent_wherever_the_end_marker_stands(
    photo: Path, length: int, progressive: bool
) -> None:
    plain = picture("jpeg", progressive=progressive)
    photo.write_bytes(plain[:-2] + b"word" * (length // 4) + plain[-2:])
    fit(photo, photo.with_name("sent"), LIMITS)
    assert b"word" not in photo.with_name("sent").read_bytes()
