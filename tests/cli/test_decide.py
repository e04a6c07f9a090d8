"""Decisions about held photos, and renditions that are made anew."""

import json
from pathlib import Path

import pytest
from dropcut.core.deliver_message import read_deliver_message
from dropcut.core.messages import Remake
from dropcut.core.photo_source import PhotoSource, sources_to_json
from PIL import Image

from dropcut_cli.deployment import Deployment
from tests.cli.conftest import SETTINGS, Dropcut, bodies
from tests.cli.held_photos import encoded
from tests.cli.recorded import photo
from tests.functions.cloud import INPUT, OUTPUT, WORK

MY_OWN = encoded(Image.new("RGBA", (8, 8)))


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["shop/a.jpg"], ["shop/a.jpg"]),
        (["--prefix", "shop/"], ["shop/a.jpg", "shop/b.jpg"]),
        (["--all"], ["c.jpg", "shop/a.jpg", "shop/b.jpg"]),
        (["--prefix", "none/"], []),
    ],
)
def test_renditions_are_made_anew_of_what_was_named_and_delivered(
    deployment: Deployment, dropcut: Dropcut, arguments: list[str], keys: list[str]
) -> None:
    for name in ("shop/a.jpg", "shop/b.jpg", "c.jpg"):
        photo(deployment, name, "delivered")
    photo(deployment, "shop/rejected.jpg", "rejected")
    shown = dropcut("remake", *arguments, "--json")
    assert sorted(json.loads(line)["key"] for line in shown.out.splitlines()) == keys
    assert bodies(deployment, "Deliver") == []
    assert ("No delivered photo matches" in shown.err) is not bool(keys)
    assert dropcut("remake", *arguments, "--send").exit_code == (0 if keys else 9)
    assert {read_deliver_message(body) for body in bodies(deployment, "Deliver")} == {
        Remake(bucket=INPUT, key=name) for name in keys
    }


@pytest.mark.parametrize("arguments", [[], ["a.jpg", "--all"], ["--prefix", "a", "--all"]])
def test_which_photos_are_remade_has_to_be_clear(dropcut: Dropcut, arguments: list[str]) -> None:
    assert dropcut("remake", "--send", *arguments).exit_code == 2


@pytest.mark.parametrize("decision", ["accept", "reject", "replace"])
def test_a_decision_is_about_the_upload_that_is_held(
    deployment: Deployment, dropcut: Dropcut, decision: str, tmp_path: Path
) -> None:
    upload = photo(deployment, "a.jpg", "held")
    mine = tmp_path / "Mine.PNG"
    mine.write_bytes(MY_OWN)
    more = [str(mine)] if decision == "replace" else []
    assert dropcut(decision, "a.jpg", *more).exit_code == 0
    review = read_deliver_message(bodies(deployment, "Deliver")[0])
    picture = f"held/replaced/{upload.job_id}.png" if more else None
    assert vars(review) == {
        "bucket": INPUT,
        "key": "a.jpg",
        "decision": decision,
        "job_id": upload.job_id,
        "picture": picture,
    }
    if picture:
        found = deployment.client("s3").get_object(Bucket=OUTPUT, Key=picture)
        assert found["Body"].read() == MY_OWN


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"# Read me", "is text, not a picture"),
        (encoded(Image.new("RGB", (8, 8)), "jpeg"), "no transparency"),
        (encoded(Image.new("RGB", (8, 8))), "no transparency"),
        (encoded(Image.new("RGB", (8, 8)), "webp"), "no transparency"),
        (MY_OWN[:20], "cut off"),
    ],
    ids=["text", "jpeg", "opaque png", "opaque webp", "cut off"],
)
def test_what_cannot_be_a_cut_out_replaces_nothing(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path, content: bytes, why: str
) -> None:
    photo(deployment, "a.jpg", "held")
    (tmp_path / "mine.png").write_bytes(content)
    ran = dropcut("replace", "a.jpg", str(tmp_path / "mine.png"))
    assert ran.exit_code == 1
    assert why in ran.err
    assert bodies(deployment, "Deliver") == []


@pytest.mark.parametrize("arguments", [["accept", "a.jpg"], ["reject", "a.jpg"], ["replace", "a.jpg", __file__]])
def test_what_is_not_held_is_not_decided_on(deployment: Deployment, dropcut: Dropcut, arguments: list[str]) -> None:
    photo(deployment, "a.jpg", "delivered")
    ran = dropcut(*arguments)
    assert (ran.exit_code, ran.out) == (1, "")
    assert "The photo 'a.jpg' is delivered, not held: nothing was sent." in ran.err
    assert bodies(deployment, "Deliver") == []
    assert "Contents" not in deployment.client("s3").list_objects_v2(Bucket=OUTPUT)


@pytest.mark.parametrize("bucket", ["", f"s3://{WORK}/"], ids=["by its key", "by its address"])
def test_photos_of_another_input_are_found(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch, bucket: str
) -> None:
    sources = [PhotoSource(bucket=INPUT, prefix=""), PhotoSource(bucket=WORK, prefix="")]
    monkeypatch.setitem(SETTINGS, "INPUTS", sources_to_json(sources))
    photo(deployment, "held.jpg", "held", bucket=WORK)
    photo(deployment, "a.jpg", "delivered", bucket=WORK)
    if bucket:  # what a key alone does not mean
        photo(deployment, "held.jpg", "delivered")
    assert json.loads(dropcut("status", f"{bucket}held.jpg", "--json").out)["bucket"] == WORK
    assert json.loads(dropcut("accept", f"{bucket}held.jpg", "--json").out)["bucket"] == WORK
    assert json.loads(dropcut("remake", f"{bucket}a.jpg", "--json").out)["bucket"] == WORK
    every = [json.loads(line) for line in dropcut("remake", "--all", "--json").out.splitlines()]
    assert {(line["bucket"], line["key"]) for line in every} == {
        (WORK, "a.jpg"),
        *([(INPUT, "held.jpg")] if bucket else []),
    }
