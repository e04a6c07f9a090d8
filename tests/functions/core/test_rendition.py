"""What a rendition may be, and how each contradiction is refused: by the rendition's name, with what is allowed."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from dropcut.core.rendition import Rendition, RenditionError

COLOUR = {"background": "#ffffff"}

GOOD: list[dict[str, Any]] = [
    {},
    {"format": "webp"},
    {"format": "webp", "quality": 80},
    {"format": "jpeg", **COLOUR},
    {"format": "jpeg", "background": "checker"},
    {"format": "jpeg", "alpha_only": True},
    {"format": "avif", "longest_side": 4096},
    {"format": "avif", "canvas": "4096x100"},
    {"longest_side": 16},
    {"canvas": "10000x1"},
    {"trim": True},
    {"trim": True, "margin_percent": 2.5, "canvas": "500x600"},
    {"canvas": "2000x2000", "subject_percent": 85},
    {"centre": True, "longest_side": 500},
    {"max_bytes": 100_000, "longest_side": 500},
    {"format": "webp", "canvas": "500x500", "max_bytes": 1000},
    {"key": "small/{folder}{name}.{extension}"},
    {"key": "{folder}{stem}/{version}-{sha256}.{extension}"},
    {"shadow": "soft"},
    {"shadow": {"opacity_percent": 60}, "trim": True},
    {"shadow": {"opacity_percent": 25.5, "blur_percent": 0, "offset_percent": 3}, "format": "jpeg", **COLOUR},
]

BAD: list[tuple[dict[str, Any], str]] = [
    ({"formats": "png"}, "there is no 'formats'"),
    ({"format": "gif"}, "png, webp, jpeg, avif"),
    ({"format": "JPEG"}, "png, webp, jpeg, avif"),
    ({"longest_side": "600"}, "16 to 10000"),
    ({"longest_side": 15}, "16 to 10000"),
    ({"longest_side": 600.5}, "16 to 10000"),
    ({"longest_side": True}, "16 to 10000"),
    ({"canvas": "2000 x 2000"}, "2000x2000"),
    ({"canvas": "0x100"}, "2000x2000"),
    ({"canvas": "10001x100"}, "at most 10000"),
    ({"canvas": [100, 100]}, "2000x2000"),
    ({"canvas": "100x100", "longest_side": 100}, "one of them"),
    ({"trim": "yes"}, "true or false"),
    ({"trim": True, "margin_percent": -1}, "0 to 100"),
    ({"margin_percent": 5}, "with trim"),
    ({"subject_percent": 85}, "with canvas"),
    ({"subject_percent": 0, "canvas": "10x10"}, "1 to 100"),
    ({"subject_percent": 85, "canvas": "10x10", "trim": True}, "one of them"),
    ({"centre": True, "trim": True}, "in the middle anyway"),
    ({"centre": True, "canvas": "10x10", "subject_percent": 85}, "in the middle anyway"),
    ({"format": "avif"}, "at most 4096"),
    ({"format": "avif", "longest_side": 4097}, "at most 4096"),
    ({"format": "avif", "canvas": "100x4097"}, "at most 4096"),
    ({"format": "jpeg"}, "jpeg has no transparency"),
    ({"background": "white"}, "#ffffff"),
    ({"background": "#fff"}, "#ffffff"),
    ({"alpha_only": True, **COLOUR}, "one of the two"),
    ({"quality": 80}, "png is lossless"),
    ({"shadow": True}, "'soft', or an object"),
    ({"shadow": "hard"}, "'soft', or an object with opacity_percent"),
    ({"shadow": {"opacity": 20}}, "opacity_percent, blur_percent, offset_percent"),
    ({"shadow": {"blur_percent": 21}}, "0 to 20"),
    ({"shadow": {"blur_percent": "2"}}, "0 to 20"),
    ({"shadow": "soft", "alpha_only": True}, "one of the two"),
    ({"format": "webp", "quality": 0}, "1 to 100"),
    ({"max_bytes": 10}, "1000 to"),
    ({"max_bytes": 10_000, "canvas": "10x10"}, "longest_side"),
    ({"name": "Big"}, "a-z, 0-9"),
    ({"name": "a/b"}, "a-z, 0-9"),
    ({"name": ""}, "a-z, 0-9"),
    ({"key": "/{folder}{stem}.{extension}"}, "no leading /"),
    ({"key": "../{folder}{stem}.{extension}"}, "two dots"),
    ({"key": "{folder}{stem}"}, ".{extension}"),
    ({"key": "{folder}{stem}.png"}, ".{extension}"),
    ({"key": "{stem}.{extension}"}, "{folder}"),
    ({"key": "{folder}{rendition}.{extension}"}, "{stem}"),
    ({"key": "{folder}{stem}{size}.{extension}"}, "{rendition}"),
    ({"key": "{folder}{version}.{extension}"}, "{stem}"),
    ({"key": "{folder}{stem!r}.{extension}"}, "{rendition}"),
    ({"key": "{folder}{stem:9}.{extension}"}, "{rendition}"),
    ({"key": "{folder}{0}{stem}.{extension}"}, "{rendition}"),
    ({"key": "{folder}{stem.__class__}.{extension}"}, "{rendition}"),
    ({"key": "{folder}{stem"}, "{rendition}"),
    ({"key": "{folder}ü{stem}.{extension}"}, "ASCII"),
    ({"key": "{folder}\n{stem}.{extension}"}, "ASCII"),
]


@pytest.mark.parametrize("fields", GOOD)
def test_what_goes_together_is_taken_and_comes_back_the_same(fields: dict[str, Any]) -> None:
    rendition = Rendition.from_fields({"name": "shop-1", **fields})
    assert rendition.to_fields() == {"name": "shop-1", **fields}
    assert Rendition.from_fields(rendition.to_fields()) == rendition
    assert Rendition(**json.loads(json.dumps(asdict(rendition)))) == rendition, "as the imaging process gets it"


@pytest.mark.parametrize(("fields", "said"), BAD)
def test_a_contradiction_is_refused_by_name_with_what_is_allowed(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(RenditionError) as refusal:
        Rendition.from_fields({"name": "shop", **fields})
    message = str(refusal.value)
    assert message.startswith(f"Rendition {fields.get('name', 'shop')!r}: ")
    assert said in message
    assert "Allowed: " in message


def test_a_rendition_without_a_name_is_refused() -> None:
    with pytest.raises(RenditionError, match="has no name"):
        Rendition.from_fields({"format": "png"})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"format": "webp"}, True),
        ({"max_bytes": 10_000}, True),
        ({"longest_side": 100}, False),
        ({"trim": True}, False),
        ({"background": "checker"}, False),
        ({"alpha_only": True}, False),
        ({"shadow": "soft"}, False),
    ],
)
def test_only_a_cutout_as_it_is_keeps_the_photos_colour_profile(fields: dict[str, Any], expected: bool) -> None:
    assert Rendition.from_fields({"name": "a", **fields}).is_as_photographed is expected


@pytest.mark.parametrize(("format_", "quality"), [("png", None), ("webp", None), ("jpeg", 90)])
def test_without_a_quality_png_and_webp_are_lossless(format_: str, quality: int | None) -> None:
    assert Rendition(name="a", format=format_, background="#000000").first_quality == quality
