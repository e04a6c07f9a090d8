"""Under which name a rendition is written, what it says of itself, and whose it never replaces."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from dropcut.core.choices import LONGEST_METADATA, LONGEST_REFERENCE, Choices
from dropcut.core.messages import PaidAnswer, Upload
from dropcut.core.output_naming import output_keys
from dropcut.core.quality import RULES, Doubt, Quality
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL
from dropcut.use_cases.cutout_maker import Cutouts
from dropcut.use_cases.outputs import LOOKS_AT_A_NAME, OutputKeepsChangingError, Outputs, Written

from tests.functions.cloud import INPUT, OUTPUT, Cloud
from tests.functions.cutouts import answer_as_it_is
from tests.functions.use_cases.delivery import ANSWER, KEYS, NEWER, SET, UPLOAD

KEY = "shop/a.png"


class Writer:
    """The output bucket, and what writes one photo's renditions into it."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud, self._folder = cloud, folder
        self.superseded: list[Upload] = []
        """Those of which the records say so."""

    def write(
        self,
        upload: Upload = UPLOAD,
        *,
        content: bytes = b"cut-out",
        renditions: Sequence[Rendition] = (FULL,),
        answer: PaidAnswer = ANSWER,
        quality: Quality | None = None,
    ) -> Written | None:
        paid = self._folder / "answer"
        paid.write_bytes(content)
        made = answer_as_it_is(None, paid, renditions, self._folder).files
        outputs = Outputs(
            objects=self.cloud.objects,
            bucket=OUTPUT,
            renditions=renditions,
            first_input=INPUT,
            is_superseded=lambda upload: upload in self.superseded,
        )
        return outputs.write_all(upload, answer, Cutouts(made=made, note="", full_size=True, quality=quality))

    def keys(self, upload: Upload = UPLOAD, **more: Any) -> Sequence[str]:
        written = self.write(upload, **more)
        assert written
        return written.keys

    def there(self, key: str = KEY) -> bytes:
        return self.cloud.read(OUTPUT, key)

    def put_our_older_one(self) -> None:
        """As it was written before there were renditions."""
        ours = {"dropcut-source-sha256": hashlib.sha256(b"shop/a.jpg").hexdigest(), "dropcut-sequencer": "0"}
        self.cloud.objects.write(OUTPUT, KEY, b"our older one", content_type="image/png", metadata=ours)


@pytest.fixture
def writer(cloud: Cloud, tmp_path: Path) -> Writer:
    return Writer(cloud, tmp_path)


@pytest.mark.parametrize(("format_", "content_type"), [("png", "image/png"), ("webp", "image/webp")])
def test_a_cut_out_is_written_under_the_photos_name(writer: Writer, format_: str, content_type: str) -> None:
    key = f"shop/a.{format_}"
    assert writer.keys(renditions=[replace(FULL, format=format_)]) == [key]
    assert (writer.cloud.keys(OUTPUT), writer.there(key)) == ([key], b"cut-out")
    assert writer.cloud.clients.s3.head_object(Bucket=OUTPUT, Key=key)["ContentType"] == content_type


@pytest.mark.parametrize("key", ["shop/a.jpg", "ü b+c/日本 100%.jpg", "k" * 1020 + ".jpg", "日" * 340 + ".jpg"])
def test_a_cut_out_says_where_it_comes_from(writer: Writer, key: str) -> None:
    upload = replace(UPLOAD, key=key, version_id=None)
    (output_key,) = writer.keys(upload, answer=replace(ANSWER, request_id=None, credits=0.0))
    metadata = writer.cloud.metadata(output_key)
    assert metadata["dropcut-job-id"] == upload.job_id
    assert metadata["dropcut-picture-sha256"] == ANSWER.picture_sha256
    assert (metadata["dropcut-request-id"], metadata["dropcut-credits"]) == ("none", "0")
    assert unquote(metadata["dropcut-source"]) in (key, "too-long")
    assert metadata["dropcut-source-version"] == "none"
    assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048


def test_a_cut_out_carries_what_the_requester_gave_along_within_what_s3_allows(writer: Writer) -> None:
    metadata = {"sku": "ü\r\n42", "n": "v" * 180}
    choices = Choices(reference="r" * LONGEST_REFERENCE, metadata=metadata)
    (output_key,) = writer.keys(replace(UPLOAD, key="k" * 1000 + ".jpg", version_id="v" * 32, choices=choices))
    found = writer.cloud.metadata(output_key)
    assert (found["dropcut-reference"], found["dropcut-meta-sku"]) == ("r" * LONGEST_REFERENCE, "_42")
    assert sum(len(name) + len(value) for name, value in found.items()) <= 2048


@pytest.mark.parametrize("length", [800, 830, 900, 1000])
def test_all_that_a_cut_out_can_say_of_itself_is_within_what_s3_allows(writer: Writer, length: int) -> None:
    upload = replace(UPLOAD, bucket="b" * 63, key="k" * length, sequencer="F" * 32, version_id="v" * 32)
    chosen = Choices(
        reference="r" * LONGEST_REFERENCE, metadata={"n": "v" * (LONGEST_METADATA - len("dropcut-meta-n"))}
    )
    doubts = tuple(Doubt(code=code, sentence="") for code in dict.fromkeys(rule.code for rule in RULES))
    (output_key,) = writer.keys(
        replace(upload, choices=chosen),
        renditions=[Rendition(name="n" * 40)],
        answer=replace(ANSWER, request_id="i" * 128, credits=123.456, provider="stability"),
        quality=Quality(score=0.123, doubts=doubts),
    )
    metadata = writer.cloud.metadata(output_key)
    assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048


@pytest.mark.parametrize(("is_superseded", "there"), [(True, b"of before"), (False, b"requested")])
def test_a_request_that_knows_of_no_upload_asks_the_records_which_one_is_newer(
    writer: Writer, is_superseded: bool, there: bytes
) -> None:
    """The record of the upload has expired, and its cut-out says a sequencer that the request cannot have known."""
    writer.write(NEWER, content=b"of before")
    requested = replace(UPLOAD, sequencer="0" * 31 + "1", request="e1")
    writer.superseded = [requested] if is_superseded else []
    writer.write(requested, content=b"requested")
    assert writer.there() == there


def test_a_cut_out_names_the_version_that_was_cut_out(writer: Writer) -> None:
    writer.write(replace(UPLOAD, version_id="v7"))
    assert writer.cloud.metadata(KEY)["dropcut-source-version"] == "v7"


def test_two_photos_that_would_share_a_name_both_get_one(writer: Writer) -> None:
    assert writer.keys() == [KEY]
    assert writer.keys(replace(UPLOAD, key="shop/a.webp")) == ["shop/a.webp.png"]
    assert writer.cloud.metadata("shop/a.webp.png")["dropcut-source"] == "shop/a.webp"
    assert len(writer.cloud.keys(OUTPUT)) == 2


def test_photos_of_one_key_in_two_buckets_both_get_a_name(writer: Writer) -> None:
    """An older cut-out names no bucket: it is of when there was one."""
    of_another_bucket = replace(NEWER, bucket="other-photos")
    writer.put_our_older_one()
    assert writer.keys(of_another_bucket, content=b"another") == ["shop/a.jpg.png"]
    assert writer.keys() == [KEY]
    assert writer.keys(of_another_bucket, content=b"another, again") == ["shop/a.jpg.png"]
    assert (writer.there(), writer.there("shop/a.jpg.png")) == (b"cut-out", b"another, again")


def test_the_last_name_of_a_photo_is_not_taken_by_another_buckets_photo_of_its_key() -> None:
    own, another = output_keys("shop/a.jpg")[-1], output_keys("shop/a.jpg", bucket="other-photos")[-1]
    assert own != another


def test_somebody_elses_object_is_never_overwritten(writer: Writer) -> None:
    for key in (KEY, "shop/a.jpg.png"):
        writer.cloud.put(key, b"not ours", bucket=OUTPUT)
    (own,) = writer.keys()
    assert writer.there() == writer.there("shop/a.jpg.png") == b"not ours"
    assert writer.there(own) == b"cut-out"
    assert len(writer.cloud.keys(OUTPUT)) == 3


def test_a_newer_upload_replaces_the_cut_out_of_an_older_one(writer: Writer) -> None:
    writer.write()
    assert writer.keys(NEWER, content=b"new cut-out") == [KEY]
    assert (writer.cloud.keys(OUTPUT), writer.there()) == ([KEY], b"new cut-out")


def test_an_older_upload_never_replaces_the_cut_out_of_a_newer_one(writer: Writer) -> None:
    writer.write(NEWER, content=b"new cut-out")
    assert writer.write(UPLOAD) is None
    assert (writer.cloud.keys(OUTPUT), writer.there()) == ([KEY], b"new cut-out")


def test_somebody_who_writes_between_our_look_and_our_write_keeps_the_name(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look comes when a cut-out is there already: here our own older one, until somebody else writes over it."""
    look = writer.cloud.objects.metadata_and_etag
    seen: list[str] = []

    def look_then_lose(bucket: str, key: str) -> Any:
        found = look(bucket, key)
        if not seen:
            writer.cloud.put(key, b"somebody else's", bucket=OUTPUT)
        seen.append(key)
        return found

    writer.put_our_older_one()
    monkeypatch.setattr(writer.cloud.objects, "metadata_and_etag", look_then_lose)
    assert writer.keys() == ["shop/a.jpg.png"]
    assert writer.there() == b"somebody else's"


def test_the_same_photo_written_twice_at_once_gets_one_cut_out(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    look = writer.cloud.objects.metadata_and_etag
    seen: list[str] = []

    def look_while_the_double_writes(bucket: str, key: str) -> Any:
        found = look(bucket, key)
        seen.append(key)
        if len(seen) == 1:
            writer.write()
        return found

    writer.put_our_older_one()
    monkeypatch.setattr(writer.cloud.objects, "metadata_and_etag", look_while_the_double_writes)
    assert writer.keys() == [KEY]
    assert (len(seen), writer.cloud.keys(OUTPUT), writer.there()) == (3, [KEY], b"cut-out")


def test_a_name_that_keeps_changing_is_an_error_to_be_tried_again(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[str] = []

    def others_were_first(_bucket: str, key: str, **_more: Any) -> bool:
        writes.append(key)
        return False

    monkeypatch.setattr(writer.cloud.objects, "write_if_unchanged", others_were_first)
    with pytest.raises(OutputKeepsChangingError, match=r"shop/a\.jpg"):
        writer.write()
    assert writes.count(KEY) == 1 + LOOKS_AT_A_NAME


def test_every_rendition_is_written_under_its_own_name(writer: Writer) -> None:
    assert sorted(writer.keys(renditions=SET)) == KEYS
    assert [writer.cloud.metadata(key)["dropcut-rendition"] for key in KEYS] == ["amazon_main", "full", "small"]
    assert writer.cloud.clients.s3.head_object(Bucket=OUTPUT, Key=KEYS[0])["ContentType"] == "image/jpeg"


def test_two_renditions_that_meet_at_one_name_both_get_one(writer: Writer) -> None:
    """Another list of renditions may name one as an earlier list named another."""
    assert writer.keys() == [KEY]
    assert writer.keys(renditions=[replace(FULL, name="other")]) == ["shop/a.jpg.png"]


def test_a_cut_out_from_before_there_were_renditions_is_replaced_by_the_full_one(writer: Writer) -> None:
    writer.put_our_older_one()
    assert writer.keys() == [KEY]
    assert (writer.cloud.keys(OUTPUT), writer.there()) == ([KEY], b"cut-out")


@pytest.mark.parametrize("key", ["shop/photo.jpg", "k" * 1020 + ".jpg", "日" * 341])
def test_uploads_that_took_every_name_but_the_last_do_not_stop_a_photo(writer: Writer, key: str) -> None:
    """Under each of its names lies the cut-out of another photo, which somebody uploaded for this very purpose."""
    taken = output_keys(key)[:-1]
    for name in taken:
        writer.cloud.put(name, b"the attacker's", bucket=OUTPUT, Metadata={"dropcut-source-sha256": "another"})
    (own,) = writer.keys(replace(UPLOAD, key=key))
    assert own == output_keys(key)[-1]
    assert writer.there(own) == b"cut-out"
    assert {writer.there(name) for name in taken} == {b"the attacker's"}


# ---- keys that are never written twice with another picture

BY_VERSION = replace(FULL, key="{folder}{stem}-{version}.{extension}")
BY_HASH = replace(FULL, key="{folder}{stem}-{sha256}.{extension}")
OF_CUT_OUT, OF_NEW_CUT_OUT = (hashlib.sha256(content).hexdigest()[:12] for content in (b"cut-out", b"new cut-out"))


def test_a_new_picture_gets_a_new_key_and_the_old_one_stays(writer: Writer) -> None:
    assert writer.keys(renditions=[BY_HASH]) == [f"shop/a-{OF_CUT_OUT}.png"]
    assert writer.keys(NEWER, content=b"new cut-out", renditions=[BY_HASH]) == [f"shop/a-{OF_NEW_CUT_OUT}.png"]
    assert writer.there(f"shop/a-{OF_CUT_OUT}.png") == b"cut-out"


def test_the_same_picture_keeps_its_key_and_is_the_newest_uploads(writer: Writer) -> None:
    keys = [writer.keys(upload, renditions=[BY_HASH]) for upload in (UPLOAD, UPLOAD, NEWER)]
    assert keys == [[f"shop/a-{OF_CUT_OUT}.png"]] * 3
    assert writer.write(UPLOAD, renditions=[BY_HASH]) is None


def test_every_version_has_a_key_of_its_own(writer: Writer) -> None:
    versions = [replace(UPLOAD, version_id="v1"), replace(NEWER, version_id="v2/../x"), replace(NEWER, version_id=None)]
    keys = [writer.keys(upload, renditions=[BY_VERSION])[0] for upload in versions]
    assert keys[0] == "shop/a-v1.png"
    assert len(keys[1]) == len("shop/a-.png") + 32
    assert keys[2] == "shop/a-20240726T131953Z.png"


def test_two_photos_with_one_picture_never_share_its_key(writer: Writer) -> None:
    writer.write(renditions=[BY_HASH])
    assert writer.keys(replace(UPLOAD, key="shop/a.webp"), renditions=[BY_HASH]) == [f"shop/a.webp-{OF_CUT_OUT}.png"]
    assert writer.cloud.metadata(f"shop/a-{OF_CUT_OUT}.png")["dropcut-source"] == "shop/a.jpg"
