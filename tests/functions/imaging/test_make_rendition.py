"""Renditions as a customer sees them, against approved pictures; and what figures can tell better than the eye."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pyvips
from dropcut.core.rendition import Rendition, RenditionFile
from dropcut.core.rendition_setting import READY_MADE
from dropcut.imaging import encode
from dropcut.imaging.make_rendition import make_rendition, subject_of

from tests.functions.imaging.approval import LARGEST, SHARE, assert_looks_as_approved, difference
from tests.functions.photos_of_all_kinds import profile

CUP = Path(__file__).parent / "cup-cut-out.png"
"""`samples/cup.png` as the stand-in API cuts it out, at 450 x 300 pixels; the cup is left of the middle."""

WHITE = {"background": "#ffffff"}

APPROVED: list[dict[str, Any]] = [
    {"name": "transparent", "longest_side": 160},
    {"name": "trimmed", "trim": True, "longest_side": 140},
    {"name": "trimmed-with-margin", "trim": True, "margin_percent": 10, "longest_side": 140},
    {"name": "white-square", "format": "jpeg", "canvas": "140x140", "subject_percent": 85, **WHITE},
    {"name": "wide-canvas", "format": "jpeg", "canvas": "240x120", "trim": True, "background": "#ff8800"},
    {"name": "whole-frame-on-canvas", "format": "png", "canvas": "140x140", "background": "#3366cc"},
    {"name": "centred", "centre": True, "longest_side": 160, "background": "checker"},
    {"name": "checker", "longest_side": 160, "background": "checker"},
    {"name": "alpha", "alpha_only": True, "longest_side": 160},
    {"name": "webp", "format": "webp", "longest_side": 160, "quality": 80},
    {"name": "avif", "format": "avif", "longest_side": 160, "quality": 70},
    {"name": "shadow", "trim": True, "margin_percent": 4, "shadow": "soft", "longest_side": 140},
    {
        "name": "shadow-on-white",
        "format": "jpeg",
        "canvas": "140x140",
        "subject_percent": 85,
        "shadow": "soft",
        **WHITE,
    },
    {"name": "enlarged", "format": "jpeg", "canvas": "500x250", "subject_percent": 95, **WHITE},
]


@pytest.fixture(scope="module")
def cup() -> pyvips.Image:
    return pyvips.Image.new_from_file(str(CUP))


def made(cutout: pyvips.Image, folder: Path, **fields: Any) -> tuple[RenditionFile, pyvips.Image]:
    """A rendition and its picture, decoded from the file."""
    written = make_rendition(cutout, Rendition.from_fields({"name": "made", **fields}), folder / "made")
    picture = pyvips.Image.new_from_file(written.path, revalidate=True)  # not what lay at this path before
    assert (picture.width, picture.height) == (written.width, written.height)
    assert Path(written.path).stat().st_size == written.size_bytes
    assert str(picture.get("vips-loader")).startswith({"avif": "heif"}.get(written.format, written.format))
    return written, picture


@pytest.mark.parametrize("fields", APPROVED, ids=lambda fields: fields["name"])
def test_a_rendition_looks_as_approved(cup: pyvips.Image, tmp_path: Path, fields: dict[str, Any]) -> None:
    written, _picture = made(cup, tmp_path, **fields)
    assert_looks_as_approved(Path(written.path), fields["name"])


def test_what_is_clear_in_a_reduced_cut_out_holds_no_colour(cup: pyvips.Image, tmp_path: Path) -> None:
    _, picture = made(cup, tmp_path, longest_side=160)
    assert (picture[3] == 0).avg() > 0
    assert ((picture[3] == 0) & picture[:3]).max() == 0


def test_a_mask_has_no_colours_and_so_no_profile_of_them(cup: pyvips.Image, tmp_path: Path) -> None:
    tagged = cup.copy()
    tagged.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile("p3"))
    written, _ = made(tagged, tmp_path, alpha_only=True)
    assert b"iCCP" not in Path(written.path).read_bytes()


@pytest.mark.parametrize("name", [name for name in READY_MADE if name != "full"])
def test_a_ready_made_rendition_looks_as_approved(cup: pyvips.Image, tmp_path: Path, name: str) -> None:
    """Reduced, since they are large; that is enough to see what they are."""
    written = make_rendition(cup, READY_MADE[name], tmp_path / name)
    reduced = tmp_path / "reduced.png"
    pyvips.Image.new_from_file(written.path).thumbnail_image(140).write_to_file(str(reduced))
    assert_looks_as_approved(reduced, f"ready-made-{name}")


@pytest.mark.parametrize(
    ("changed", "noticed"),
    [
        (lambda cup: cup, False),
        (lambda cup: cup.linear(1, [1, 0, 0, 0]), False),
        (lambda cup: cup.linear(1, [12, 0, 0, 0]), True),
        (lambda cup: cup.embed(1, 0, cup.width, cup.height), True),
        (lambda cup: cup[:3].bandjoin((cup[3] * 0.9).cast("uchar")), True),
        (lambda cup: cup[:3].bandjoin(cup[3] > 0), True),
        (lambda cup: cup[:3], True),
        (lambda cup: cup.resize(0.5), True),
    ],
)
def test_the_comparison_notices_what_an_eye_would(cup: pyvips.Image, changed: Any, noticed: bool) -> None:
    altered = changed(cup).cast("uchar").copy(interpretation="srgb")
    assert (difference(altered, cup) is not None) is noticed
    assert SHARE < 0.01 and LARGEST < 20


# ---- where the subject is and how large it becomes


GREEN = {"background": "#00a000"}


def box(picture: pyvips.Image) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is not ground, in a picture on green."""
    left, top, width, height = picture.find_trim(threshold=24, background=[0, 160, 0])
    return left, top, width, height


@pytest.mark.parametrize("percent", [50, 85, 100])
@pytest.mark.parametrize("canvas", ["400x400", "600x300", "300x600"])
def test_the_subject_fills_its_share_of_the_canvas_and_stands_in_its_middle(
    cup: pyvips.Image, tmp_path: Path, percent: int, canvas: str
) -> None:
    _written, picture = made(cup, tmp_path, canvas=canvas, subject_percent=percent, **GREEN)
    left, top, width, height = box(picture)
    assert max(width / picture.width, height / picture.height) == pytest.approx(percent / 100, abs=0.015)
    assert left + width / 2 == pytest.approx(picture.width / 2, abs=3)
    assert top + height / 2 == pytest.approx(picture.height / 2, abs=3)


def test_trimmed_to_the_subject_nothing_empty_is_left_around_it(cup: pyvips.Image, tmp_path: Path) -> None:
    _written, picture = made(cup, tmp_path, trim=True)
    subject = subject_of(cup)
    assert subject is not None
    assert (picture.width, picture.height) == (subject.width, subject.height)
    columns, rows = (picture[3] >= 10).project()
    assert columns(0, 0) and columns(picture.width - 1, 0) and rows(0, 0) and rows(0, picture.height - 1)


def test_the_margin_reaches_beyond_the_photos_edge(cup: pyvips.Image, tmp_path: Path) -> None:
    subject = subject_of(cup)
    assert subject is not None
    written, picture = made(cup, tmp_path, trim=True, margin_percent=50)
    longer = max(subject.width, subject.height)
    assert (written.width, written.height) == (round(subject.width + longer), round(subject.height + longer))
    assert picture[3].crop(0, 0, written.width, 10).max() == 0


def test_dust_is_no_subject_and_a_hair_is() -> None:
    alpha = pyvips.Image.black(3000, 2000)
    with_dust = alpha.draw_rect(255, 1000, 800, 500, 400, fill=True).draw_rect(20, 20, 20, 2, 2, fill=True)
    with_hair = with_dust.draw_line(255, 1400, 801, 2000, 400)
    for drawn, right in ((with_dust, 1500), (with_hair, 2000)):
        image = pyvips.Image.black(3000, 2000, bands=3).bandjoin(drawn).cast("uchar").copy(interpretation="srgb")
        subject = subject_of(image)
        assert subject is not None
        assert subject.left == pytest.approx(1000, abs=3)
        assert subject.left + subject.width == pytest.approx(right, abs=6)


@pytest.mark.parametrize("fields", [{"trim": True}, {"canvas": "50x50", "subject_percent": 85}, {"centre": True}])
def test_an_empty_cutout_stays_whole_and_says_so(tmp_path: Path, fields: dict[str, Any]) -> None:
    empty = pyvips.Image.black(80, 64, bands=4).copy(interpretation="srgb")
    written, _picture = made(empty, tmp_path, **fields)
    assert "no subject" in written.note


def test_a_picture_is_enlarged_only_onto_a_canvas_which_is_said(cup: pyvips.Image, tmp_path: Path) -> None:
    left_as_it_is, _ = made(cup, tmp_path, longest_side=2000)
    assert (left_as_it_is.width, left_as_it_is.note) == (cup.width, "")
    enlarged, _ = made(cup, tmp_path, canvas="1000x1000", format="jpeg", **WHITE)
    assert "enlarged 2.2 times" in enlarged.note


# ---- what its shop asks for


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("amazon_main", {}, ""),
        ("google_shopping", {}, ""),
        ("amazon_main", {"canvas": "900x900"}, "Amazon asks for a longer side of 1,000 to 10,000 pixels; it has 900."),
        ("google_shopping", {"subject_percent": 60}, "Google asks for a subject of 75 to 90 % of the picture"),
        ("amazon_main", {"background": "#fefefe"}, "the darkest place on the border is 254."),
        ("white_square", {"canvas": "90x90"}, ""),
    ],
)
def test_what_its_shop_asks_for_and_does_not_hold_stands_in_the_note(
    cup: pyvips.Image, tmp_path: Path, name: str, changed: dict[str, Any], said: str
) -> None:
    written = make_rendition(cup, replace(READY_MADE[name], **changed), tmp_path / name)
    assert said in written.note
    assert ("asks for" in written.note) is bool(said)


def test_a_cut_out_of_nothing_is_nothing_for_a_shop(tmp_path: Path) -> None:
    empty = pyvips.Image.black(80, 64, bands=4).copy(interpretation="srgb")
    written = make_rendition(empty, READY_MADE["amazon_main"], tmp_path / "empty")
    assert "it takes 0.0 %" in written.note


# ---- the shadow's room

FAINT = 5
"""Levels of alpha that nobody sees."""


def test_trimmed_to_the_subject_its_shadow_is_kept(cup: pyvips.Image, tmp_path: Path) -> None:
    bare, _ = made(cup, tmp_path, trim=True)
    _written, picture = made(cup, tmp_path, trim=True, shadow="soft")
    longer = max(bare.width, bare.height)
    assert picture.width - bare.width == pytest.approx(2 * 0.0625 * longer, abs=2)
    assert picture.height - bare.height == pytest.approx(0.0725 * longer, abs=2)
    alpha = picture[3]
    edges = [alpha.crop(0, 0, 1, alpha.height), alpha.crop(alpha.width - 1, 0, 1, alpha.height)]
    assert all(edge.max() <= FAINT for edge in (*edges, alpha.crop(0, alpha.height - 1, alpha.width, 1)))
    assert alpha.crop(0, bare.height + 1, alpha.width, 6).max() > 20


def test_a_margin_larger_than_the_shadow_is_the_subjects_own(cup: pyvips.Image, tmp_path: Path) -> None:
    bare, _ = made(cup, tmp_path, trim=True, margin_percent=20)
    with_shadow, _ = made(cup, tmp_path, trim=True, margin_percent=20, shadow="soft")
    assert (with_shadow.width, with_shadow.height) == (bare.width, bare.height)


@pytest.mark.parametrize(
    ("percent", "shadow", "filled"),
    [
        (82, "soft", 82),
        (87, "soft", 87),
        (95, "soft", 87.3),
        (100, {"blur_percent": 20, "offset_percent": 20}, 41.7),
    ],
)
def test_a_subject_on_a_canvas_leaves_room_for_its_shadow(
    tmp_path: Path, percent: float, shadow: Any, filled: float
) -> None:
    written, picture = made(standing(), tmp_path, canvas="300x300", subject_percent=percent, shadow=shadow)
    assert (f"fills {filled:.1f} % of the canvas" in written.note) is (filled < percent)
    assert picture[3].crop(0, 299, 300, 1).max() <= FAINT
    _left, top, _width, height = (picture[3] > 128).find_trim(threshold=1, background=[0], line_art=True)
    assert 100 * height / 300 == pytest.approx(filled, abs=0.5)
    assert top + height / 2 == pytest.approx(150, abs=1)


def standing() -> pyvips.Image:
    """A red bar that ends at the photo's lower edge."""
    bar = pyvips.Image.black(100, 100, bands=4).draw_rect([200, 0, 0, 255], 30, 20, 40, 80, fill=True)
    return bar.cast("uchar").copy(interpretation="srgb")


def test_a_shadow_goes_beyond_the_photos_edge_where_a_canvas_has_room(tmp_path: Path) -> None:
    _written, picture = made(standing(), tmp_path, canvas="200x260", shadow="soft")
    assert picture(100, 231)[3] > 20


def test_a_shadow_darkens_the_ground_and_nothing_of_the_subject(cup: pyvips.Image, tmp_path: Path) -> None:
    bare, (_written, picture) = cup.flatten(background=255), made(cup, tmp_path, shadow="soft", **WHITE)
    difference = bare - picture
    assert difference.max() == pytest.approx(0.4 * 255, abs=8)
    assert (cup[3] == 255).ifthenelse(difference.abs(), 0).max() <= 1


# ---- edges and colours


def test_no_dark_fringe_comes_from_what_was_cleared(tmp_path: Path) -> None:
    """A white disk on nothing (black, cleared) stays white up to its edge when it is reduced."""
    place = pyvips.Image.xyz(400, 400) - 200
    inside = ((place[0] ** 2 + place[1] ** 2) < 150**2).cast("uchar")
    disk = inside.bandjoin([inside, inside, inside]).copy(interpretation="srgb")
    _written, picture = made(disk, tmp_path, longest_side=77)
    seen = picture[3] > 0
    assert (seen.ifthenelse(picture[:3], 255)).min() == 255
    assert picture.flatten(background=255).min() == 255


def test_the_ground_is_exactly_the_colour_asked_for(cup: pyvips.Image, tmp_path: Path) -> None:
    for background, expected in (("#ffffff", [255, 255, 255]), ("#0a141e", [10, 20, 30])):
        _written, picture = made(cup, tmp_path, canvas="100x100", background=background)
        assert picture.bands == 3
        assert picture(0, 0) == expected


def test_other_renditions_than_the_full_one_are_srgb_without_a_profile(cup: pyvips.Image, tmp_path: Path) -> None:
    profiled = cup.copy()
    profiled.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile("p3"))
    _full, full = made(profiled, tmp_path)
    assert full.get_typeof("icc-profile-data")
    assert (full - cup).abs().max() == 0
    _small, small = made(profiled, tmp_path, background="#ffffff")
    assert not small.get_typeof("icc-profile-data")
    plain = cup.flatten(background=255)
    assert (small - plain).abs().max() > 5  # P3's reds lie outside, so they move


def test_the_full_cutout_is_the_same_pixels(cup: pyvips.Image, tmp_path: Path) -> None:
    for form in ("png", "webp"):
        _written, picture = made(cup, tmp_path, format=form)
        seen = cup[3] > 0
        assert (picture[3] - cup[3]).abs().max() == 0
        assert (seen.ifthenelse(picture[:3] - cup[:3], 0)).abs().max() == 0


# ---- the file


def noise(width: int, height: int) -> pyvips.Image:
    """What compresses worst."""
    bands = [pyvips.Image.gaussnoise(width, height, mean=128, sigma=60, seed=seed) for seed in (1, 2, 3)]
    return bands[0].bandjoin([*bands[1:], 255]).cast("uchar").copy(interpretation="srgb")


@pytest.mark.parametrize("form", ["jpeg", "webp", "avif"])
def test_the_best_quality_under_the_ceiling_is_taken(cup: pyvips.Image, tmp_path: Path, form: str) -> None:
    fields: dict[str, Any] = {"format": form, "canvas": "300x300", "subject_percent": 90, "quality": 95, **WHITE}
    best, _ = made(cup, tmp_path, **fields)
    ceiling = best.size_bytes * 2 // 3
    written, _ = made(cup, tmp_path, **fields, max_bytes=ceiling)
    assert ceiling * 0.7 <= written.size_bytes <= ceiling
    assert written.note == ""


def test_a_quality_that_keeps_the_ceiling_is_not_raised_to_it(cup: pyvips.Image, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"format": "jpeg", "longest_side": 200, "quality": 60, **WHITE}
    without, _ = made(cup, tmp_path, **fields)
    within, _ = made(cup, tmp_path, **fields, max_bytes=1_000_000)
    assert within.size_bytes == without.size_bytes


@pytest.mark.parametrize("fields", [{"format": "png"}, {"format": "jpeg", **WHITE}, {"format": "webp"}])
def test_below_the_lowest_quality_the_picture_is_shrunk_and_that_is_said(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    written, _ = made(noise(400, 300), tmp_path, **fields, max_bytes=9_000)
    assert written.size_bytes <= 9_000
    assert written.width / written.height == pytest.approx(4 / 3, abs=0.02)
    assert f"Shrunk to {written.width} x {written.height} pixels" in written.note


def test_a_ceiling_that_an_exact_canvas_cannot_keep_is_not_kept_and_that_is_said(tmp_path: Path) -> None:
    written, _ = made(noise(400, 300), tmp_path, format="jpeg", canvas="400x300", max_bytes=5_000, **WHITE)
    assert written.size_bytes > 5_000
    assert "more than max_bytes (5,000) even at the lowest quality" in written.note


@pytest.mark.parametrize(
    ("form", "width", "height", "said"),
    [
        ("webp", 16_384, 2, "WebP allows (16,383 px a side)"),
        ("webp", 2, 16_384, "WebP allows (16,383 px a side)"),
        ("jpeg", 65_501, 1, "JPEG allows (65,500 px a side)"),
    ],
)
def test_a_side_too_long_for_its_format_makes_it_png_and_that_is_said(
    tmp_path: Path, form: str, width: int, height: int, said: str
) -> None:
    ground = WHITE if form == "jpeg" else {}
    written, _ = made(noise(width, height), tmp_path, format=form, **ground)
    assert (written.format, Path(written.path).suffix) == ("png", ".png")
    assert said in written.note
    within, _ = made(noise(min(width, 16_383), min(height, 16_383)), tmp_path, format=form, **ground)
    assert (within.format, within.note) == (form, "")


def test_more_pixels_than_webps_encoder_has_memory_for_make_it_png(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "WEBP_MOST_PIXELS", 9_999)
    written, _ = made(noise(100, 100), tmp_path, format="webp")
    assert written.format == "png"
    assert "written as PNG" in written.note
