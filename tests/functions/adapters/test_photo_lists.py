"""Pages of a bucket's listing, and of a list of keys; what can be read no more."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.photo_lists import KEYS_IN_A_PART, PhotoLists, part_key
from dropcut.core.backfill import Backfill, Entry, ListNotReadableError

from tests.functions.cloud import INPUT, WORK, Cloud

KEYS = ["p/a b.jpg", "p/a+b.jpg", "p/é.jpg", "p/line\nbreak.jpg", "p/日本.png"]
IN_BUCKET = Backfill(name="one", bucket=INPUT, prefix="p/")


@pytest.fixture
def lists(cloud: Cloud) -> PhotoLists:
    return PhotoLists(cloud.clients.s3, work_bucket=WORK)


def gone_through(lists: PhotoLists, backfill: Backfill, *, most: int) -> list[str]:
    """All keys, page by page, as the feeder goes on."""
    keys: list[str] = []
    while True:
        page = lists.page(backfill, most=most)
        assert len(page.entries) <= most
        keys += [entry.key for entry in page.entries]
        assert page.cursor == page.entries[-1].cursor
        if page.is_last:
            return keys
        backfill = replace(backfill, cursor=page.cursor)


@pytest.mark.parametrize("most", [1, 2, 1000])
def test_a_bucket_is_gone_through_page_by_page(lists: PhotoLists, cloud: Cloud, most: int) -> None:
    for key in [*KEYS, "q/other.jpg"]:
        cloud.put(key, b"123")
    assert gone_through(lists, IN_BUCKET, most=most) == sorted(KEYS, key=str.encode)


def test_the_listing_tells_size_and_etag(lists: PhotoLists, cloud: Cloud) -> None:
    cloud.put("p/a.jpg", b"123")
    (found,) = lists.page(IN_BUCKET, most=9).entries
    etag = cloud.clients.s3.head_object(Bucket=INPUT, Key="p/a.jpg")["ETag"]
    assert found == Entry(key="p/a.jpg", size_bytes=3, etag=etag)


def test_after_its_last_page_there_is_an_empty_one(lists: PhotoLists, cloud: Cloud) -> None:
    cloud.put("p/a.jpg", b"123")
    page = lists.page(replace(IN_BUCKET, cursor="p/a.jpg"), most=9)
    assert (page.entries, page.cursor, page.is_last) == ([], "p/a.jpg", True)


@pytest.mark.parametrize("parts", [0, 1])
def test_a_page_that_is_sent_in_part_leaves_the_rest_for_the_next(lists: PhotoLists, cloud: Cloud, parts: int) -> None:
    names = [f"p/{number}.jpg" for number in range(4)]
    for name in names:
        cloud.put(name, b"123")
    cloud.clients.s3.put_object(
        Bucket=WORK, Key=part_key("one", 0), Body="\n".join(map(json.dumps, ["p/before.jpg", *names])).encode()
    )
    backfill = replace(IN_BUCKET, parts=parts, cursor="1" if parts else "")
    page = lists.page(backfill, most=9)
    sent = page.before(page.entries[3])
    assert ([each.key for each in sent.entries], sent.is_last) == (names[:3], False)
    rest = lists.page(replace(backfill, cursor=sent.cursor), most=9)
    assert ([each.key for each in rest.entries], rest.is_last) == (names[3:], True)


@pytest.mark.parametrize("number", [1, KEYS_IN_A_PART, KEYS_IN_A_PART + 1])
def test_a_list_is_gone_through_part_by_part(lists: PhotoLists, cloud: Cloud, number: int) -> None:
    keys = (KEYS * (number // len(KEYS) + 1))[:number]
    parts = [keys[first : first + KEYS_IN_A_PART] for first in range(0, number, KEYS_IN_A_PART)]
    for place, some in enumerate(parts):
        lines = "\n".join(map(json.dumps, some)).encode()
        cloud.clients.s3.put_object(Bucket=WORK, Key=part_key("two", place), Body=lines)
    backfill = Backfill(name="two", bucket=INPUT, parts=len(parts))
    assert gone_through(lists, backfill, most=999) == keys
    page = lists.page(replace(backfill, cursor=str(number)), most=9)
    assert (page.entries, page.is_last) == ([], True)


def test_a_page_of_nothing_but_deleted_photos_is_gone_past() -> None:
    """In a bucket with versions S3 may find no object on a page, and more after it."""
    pages = {
        "": {"IsTruncated": True, "NextContinuationToken": "one"},
        "one": {"IsTruncated": True, "NextContinuationToken": "two", "Contents": []},
        "two": {"IsTruncated": False, "Contents": [{"Key": "p/z.jpg", "Size": 3, "ETag": "e"}]},
    }

    class Deleted:
        def list_objects_v2(self, *, ContinuationToken: str = "", **_asked: object) -> object:
            return pages[ContinuationToken]

    page = PhotoLists(Deleted(), work_bucket=WORK).page(IN_BUCKET, most=9)  # type: ignore[arg-type]
    assert (page.entries, page.cursor, page.is_last) == (
        [Entry(key="p/z.jpg", size_bytes=3, etag="e")],
        "p/z.jpg",
        True,
    )


def test_a_list_that_is_gone_is_said_to_be_so(lists: PhotoLists) -> None:
    with pytest.raises(ListNotReadableError, match=r"its list of keys .NoSuchKey.*backfill resume two"):
        lists.page(Backfill(name="two", bucket=INPUT, parts=1), most=9)


def test_a_bucket_that_is_gone_is_said_to_be_so(lists: PhotoLists) -> None:
    with pytest.raises(ListNotReadableError, match=r"the bucket gone .NoSuchBucket"):
        lists.page(replace(IN_BUCKET, bucket="gone"), most=9)


@pytest.mark.parametrize(
    ("code", "status", "passes"),
    [
        ("AccessDenied", 403, False),
        ("AllAccessDisabled", 403, False),
        ("PermanentRedirect", 301, False),
        ("SlowDown", 503, True),
        ("InternalError", 500, True),
        ("TooManyRequests", 429, True),
        ("RequestTimeout", 400, True),
    ],
)
def test_what_passes_by_itself_does_not_break_a_back_fill(code: str, status: int, passes: bool) -> None:
    class Refuses:
        def list_objects_v2(self, **_asked: object) -> object:
            response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(response, "ListObjectsV2")  # type: ignore[arg-type]

    with pytest.raises(ClientError if passes else ListNotReadableError):
        PhotoLists(Refuses(), work_bucket=WORK).page(IN_BUCKET, most=9)  # type: ignore[arg-type]
