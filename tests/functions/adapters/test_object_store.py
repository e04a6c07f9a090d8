from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from dropcut.adapters.object_store import (
    ObjectChangedError,
    ObjectForbiddenError,
    ObjectGoneError,
    ObjectStore,
    ObjectUnreadableError,
    TooManyTagsError,
    not_there_yet,
    owned_by,
)
from dropcut.core.messages import Upload

from tests.functions.cloud import ACCOUNT, INPUT, OUTPUT, REGION, WORK, Cloud


@pytest.fixture
def store(cloud: Cloud) -> ObjectStore:
    return cloud.objects


def test_what_was_written_is_read_with_its_metadata(store: ObjectStore) -> None:
    store.write(WORK, "paid/ü.png", b"bytes", content_type="image/png", metadata={"request-id": "r"})
    opened = store.open(WORK, "paid/ü.png")
    assert (opened.size_bytes, opened.tag_count) == (5, 0)
    assert opened.read() == store.read(WORK, "paid/ü.png") == b"bytes"
    assert store.metadata_and_etag(WORK, "paid/ü.png") == ({"request-id": "r"}, opened.etag)


def test_what_is_not_there_is_gone(store: ObjectStore) -> None:
    with pytest.raises(ObjectGoneError, match="s3://photos-in/none"):
        store.open(INPUT, "none")
    with pytest.raises(ObjectGoneError):
        store.tags(INPUT, "none", None)
    with pytest.raises(ObjectGoneError):
        store.tag_outcome(INPUT, "none", None, "delivered")
    assert store.metadata_and_etag(INPUT, "none") is None


def test_every_call_names_the_account_that_the_bucket_must_belong_to(cloud: Cloud, tmp_path: Path) -> None:
    """Each method is called once; all requests to S3 are looked at."""
    client, requests = boto3.client("s3", region_name=REGION), list[Any]()
    client.meta.events.register("before-send.s3", lambda request, **_: requests.append(request))
    owned = ObjectStore(owned_by(ACCOUNT, client))
    (tmp_path / "file").write_bytes(b"2")
    file: dict[str, Any] = {"body": tmp_path / "file", "content_type": "a/b", "metadata": {}}
    calls: dict[str, Callable[[], object]] = {
        "write": lambda: owned.write(INPUT, "a", b"1", content_type="a/b"),
        "open": lambda: owned.open(INPUT, "a"),
        "read": lambda: owned.read(INPUT, "a"),
        "metadata_and_etag": lambda: owned.metadata_and_etag(INPUT, "a"),
        "is_gone": lambda: owned.is_gone(INPUT, "a"),
        "write_if_unchanged": lambda: owned.write_if_unchanged(INPUT, "b", seen_etag=None, **file),
        "tags": lambda: owned.tags(INPUT, "a", None),
        "tag_outcome": lambda: owned.tag_outcome(INPUT, "a", None, "delivered"),
        "delete_if_unchanged": lambda: owned.delete_if_unchanged(INPUT, "b", seen_etag=owned.open(INPUT, "b").etag),
        "remove": lambda: owned.remove(INPUT, "a"),
    }
    assert calls.keys() == {name for name in vars(ObjectStore) if not name.startswith("_")}
    for name, call in calls.items():
        requests.clear()
        call()
        owners = [request.headers.get("x-amz-expected-bucket-owner") for request in requests]
        assert owners, name
        assert {owner.decode() if isinstance(owner, bytes) else owner for owner in owners} == {ACCOUNT}, name


def test_what_is_removed_is_gone_and_may_be_gone_already(store: ObjectStore) -> None:
    store.write(WORK, "prepared/a.png", b"1", content_type="image/png")
    for _time in range(2):
        store.remove(WORK, "prepared/a.png")
        assert store.metadata_and_etag(WORK, "prepared/a.png") is None


def test_metadata_never_leaves_its_header(store: ObjectStore) -> None:
    """As with a request id that a forged message brings."""
    said = {"request-id": "r\r\nx-amz-acl: public-read\u202eü"}
    store.write(WORK, "paid/a.png", b"1", content_type="image/png", metadata=said)
    found = store.metadata_and_etag(WORK, "paid/a.png")
    assert found
    assert found[0] == {"request-id": "r_x-amz-acl: public-read_"}


class Refusing:
    """A client of S3 that answers every call with one error."""

    def __init__(self, code: str, message: str = "No.") -> None:
        self._code, self._message = code, message

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def refuse(**_request: Any) -> Any:
            raise ClientError({"Error": {"Code": self._code, "Message": self._message}}, operation)

        return refuse


SSE_C = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided."
KMS = "User: arn:aws:sts::1:assumed-role/prepare is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:k"


@pytest.mark.parametrize(
    ("error", "code", "advice"),
    [
        (("InvalidObjectState", "The operation is not valid for the object's storage class"), "archived", "Restore it"),
        (("InvalidRequest", SSE_C), "customer_key", "SSE-C"),
    ],
    ids=["archive class", "uploader's key"],
)
def test_a_photo_that_s3_gives_to_nobody_like_us_says_what_to_allow(
    error: tuple[str, str], code: str, advice: str
) -> None:
    with pytest.raises(ObjectUnreadableError, match=advice) as raised:
        # A fake of boto3's client, which has too many methods to be written out.
        ObjectStore(Refusing(*error)).open(INPUT, "a.jpg")  # type: ignore[arg-type]
    assert raised.value.code == code
    assert isinstance(raised.value.__cause__, ClientError)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (("AccessDenied", "Access Denied"), f"s3://{INPUT}/a.jpg .AccessDenied.. Look at its role"),
        (("AccessDenied", KMS), f"s3://{INPUT}/a.jpg .* KMS key .*AccessDenied.. Allow kms:Decrypt"),
        (("KMS.DisabledException", "is disabled"), "KMS.DisabledException.* enable the key"),
        (("KMS.NotFoundException", "no such key"), "KMS.NotFoundException"),
    ],
    ids=["a policy", "KMS key not allowed", "KMS key disabled", "KMS key gone"],
)
def test_what_somebody_has_to_allow_before_a_photo_can_be_read_is_said(error: tuple[str, str], said: str) -> None:
    """It may be over soon: such photos are tried again."""
    with pytest.raises(ObjectForbiddenError, match=said) as raised:
        # A fake of boto3's client, which has too many methods to be written out.
        ObjectStore(Refusing(*error)).open(INPUT, "a.jpg")  # type: ignore[arg-type]
    assert isinstance(raised.value.__cause__, ClientError)


@pytest.mark.parametrize(
    "error", [("InvalidRequest", "Bad header"), ("SlowDown", "kms is slow"), ("KMS.ThrottlingException", "Slow down")]
)
def test_other_errors_of_reading_go_up_as_they_are(error: tuple[str, str]) -> None:
    with pytest.raises(ClientError, match=error[0]):
        # A fake of boto3's client, which has too many methods to be written out.
        ObjectStore(Refusing(*error)).open(INPUT, "a.jpg")  # type: ignore[arg-type]


def test_a_photo_is_gone_when_its_bucket_does_not_list_it(store: ObjectStore, cloud: Cloud) -> None:
    cloud.put("a.jpg.png", b"one that begins like it")
    assert store.is_gone(INPUT, "a.jpg")
    cloud.put("a.jpg", b"photo")
    assert not store.is_gone(INPUT, "a.jpg")


def test_a_photo_whose_bucket_may_not_be_asked_is_not_gone() -> None:
    assert not ObjectStore(Refusing("AccessDenied")).is_gone(INPUT, "a.jpg")  # type: ignore[arg-type]


def test_whether_a_photo_is_gone_is_no_guess_when_s3_fails() -> None:
    with pytest.raises(ClientError):
        ObjectStore(Refusing("500")).is_gone(INPUT, "a.jpg")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version_id", "seconds", "may_appear"),
    [("v1", 0, True), ("v1", 899.9, True), ("v1", 900, False), (None, 0, False)],
)
def test_a_version_may_appear_for_a_quarter_of_an_hour(
    version_id: str | None, seconds: float, may_appear: bool
) -> None:
    upload = Upload(bucket=INPUT, key="a.jpg", sequencer="01", version_id=version_id, arrived_at_seconds=1_000)
    assert not_there_yet(upload, now=1_000 + seconds) is may_appear


def test_a_bucket_that_is_not_there_is_an_error_and_not_a_missing_photo(store: ObjectStore) -> None:
    with pytest.raises(ClientError):
        store.open("no-such-bucket", "a.jpg")


def test_the_version_that_was_announced_is_read_and_tagged(store: ObjectStore, cloud: Cloud) -> None:
    cloud.clients.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    first = cloud.clients.s3.put_object(Bucket=INPUT, Key="a.jpg", Body=b"first")["VersionId"]
    cloud.put("a.jpg", b"second")
    assert store.open(INPUT, "a.jpg", first).read() == b"first"
    store.tag_outcome(INPUT, "a.jpg", first, "delivered")
    assert store.tags(INPUT, "a.jpg", first) == {"dropcut": "delivered"}
    assert store.tags(INPUT, "a.jpg", None) == {}
    cloud.clients.s3.delete_object(Bucket=INPUT, Key="a.jpg", VersionId=first)
    with pytest.raises(ObjectGoneError):
        store.open(INPUT, "a.jpg", first)


@pytest.mark.parametrize("before", ["", "team=shop&season=summer", "dropcut=failed&team=shop"])
def test_the_outcome_is_tagged_beside_the_tags_that_are_there(store: ObjectStore, cloud: Cloud, before: str) -> None:
    cloud.put("a.jpg", b"x", tags=before)
    kept = {name: value for name, value in cloud.tags("a.jpg").items() if name != "dropcut"}
    store.tag_outcome(INPUT, "a.jpg", None, "delivered")
    assert cloud.tags("a.jpg") == kept | {"dropcut": "delivered"}


def test_a_photo_without_tags_is_tagged_without_reading_them(cloud: Cloud) -> None:
    class WithoutReading:
        put_object_tagging = staticmethod(cloud.clients.s3.put_object_tagging)

    store = ObjectStore(WithoutReading())  # type: ignore[arg-type]
    cloud.put("a.jpg", b"x")
    store.tag_outcome(INPUT, "a.jpg", None, "rejected", has_tags=False)
    assert cloud.tags("a.jpg") == {"dropcut": "rejected"}
    with pytest.raises(ObjectGoneError):
        store.tag_outcome(INPUT, "none", None, "rejected", has_tags=False)


@pytest.mark.parametrize("there", ["dropcut=delivered&team=shop", "dropcut=skip"])
def test_a_tag_that_need_not_change_is_not_written(cloud: Cloud, there: str) -> None:
    class WithoutWriting:
        get_object_tagging = staticmethod(cloud.clients.s3.get_object_tagging)

    cloud.put("a.jpg", b"x", tags=there)
    ObjectStore(WithoutWriting()).tag_outcome(INPUT, "a.jpg", None, "delivered")  # type: ignore[arg-type]


def test_tagging_makes_no_new_version_of_the_source(store: ObjectStore, cloud: Cloud) -> None:
    cloud.clients.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    cloud.put("a.jpg", b"x")
    store.tag_outcome(INPUT, "a.jpg", None, "delivered")
    assert len(cloud.clients.s3.list_object_versions(Bucket=INPUT)["Versions"]) == 1


def test_an_eleventh_tag_is_refused_by_name_and_the_ten_stay(store: ObjectStore, cloud: Cloud) -> None:
    ten = "&".join(f"t{number}=v" for number in range(10))
    cloud.put("a.jpg", b"x", tags=ten)
    with pytest.raises(TooManyTagsError, match=r"a\.jpg has ten tags"):
        store.tag_outcome(INPUT, "a.jpg", None, "delivered")
    assert len(cloud.tags("a.jpg")) == 10


def test_an_outcome_among_ten_tags_can_change(store: ObjectStore, cloud: Cloud) -> None:
    cloud.put("a.jpg", b"x", tags="&".join([*(f"t{number}=v" for number in range(9)), "dropcut=failed"]))
    store.tag_outcome(INPUT, "a.jpg", None, "delivered")
    assert cloud.tags("a.jpg")["dropcut"] == "delivered"


@pytest.fixture
def write(store: ObjectStore, tmp_path: Path) -> Callable[..., bool]:
    """Writes bytes, by way of a file, as the cut-out `a.png`."""

    def write(body: bytes, seen_etag: str | None) -> bool:
        (tmp_path / "body").write_bytes(body)
        return store.write_if_unchanged(
            OUTPUT, "a.png", tmp_path / "body", content_type="image/png", metadata={"m": "v"}, seen_etag=seen_etag
        )

    return write


def test_a_free_name_is_written_once(store: ObjectStore, write: Callable[..., bool]) -> None:
    assert write(b"one", None)
    assert not write(b"two", None)
    assert store.read(OUTPUT, "a.png") == b"one"


def test_an_object_is_replaced_only_if_it_is_the_one_that_was_seen(
    store: ObjectStore, write: Callable[..., bool]
) -> None:
    write(b"one", None)
    _metadata, etag = store.metadata_and_etag(OUTPUT, "a.png") or ({}, "")
    assert write(b"two", etag)
    assert not write(b"three", etag)
    assert store.read(OUTPUT, "a.png") == b"two"


def test_an_object_that_vanished_meanwhile_is_not_written_by_mistake(
    store: ObjectStore, cloud: Cloud, write: Callable[..., bool]
) -> None:
    write(b"one", None)
    _metadata, etag = store.metadata_and_etag(OUTPUT, "a.png") or ({}, "")
    cloud.clients.s3.delete_object(Bucket=OUTPUT, Key="a.png")
    assert not write(b"two", etag)
    assert write(b"two", None)


def test_other_errors_of_a_conditional_write_are_not_taken_for_a_race(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "k").touch()
    with pytest.raises(ClientError):
        store.write_if_unchanged(
            "no-such-bucket", "k", tmp_path / "k", content_type="image/png", metadata={}, seen_etag=None
        )


def test_an_object_comes_into_a_file_byte_for_byte(store: ObjectStore, cloud: Cloud, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000  # several chunks
    cloud.put("a.jpg", content)
    found = store.open(INPUT, "a.jpg")
    found.save(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == content
    assert found.size_bytes == len(content)


def test_an_object_is_read_only_if_it_is_the_one_that_was_seen(store: ObjectStore, cloud: Cloud) -> None:
    cloud.put("a.jpg", b"one")
    etag = store.open(INPUT, "a.jpg").etag
    assert store.open(INPUT, "a.jpg", etag=etag).read() == b"one"
    cloud.put("a.jpg", b"two")
    with pytest.raises(ObjectChangedError, match=r"a\.jpg is another object"):
        store.open(INPUT, "a.jpg", etag=etag)
    cloud.clients.s3.delete_object(Bucket=INPUT, Key="a.jpg")
    with pytest.raises(ObjectGoneError):
        store.open(INPUT, "a.jpg", etag=etag)


def test_an_outcome_does_not_replace_the_users_own_tag(cloud: Cloud) -> None:
    """It may be a newer object, which its owner wants left alone."""
    cloud.put("a.jpg", b"x", tags="dropcut=skip")
    cloud.objects.tag_outcome(INPUT, "a.jpg", None, "delivered")
    assert cloud.objects.tags(INPUT, "a.jpg", None) == {"dropcut": "skip"}


def test_only_the_object_that_was_seen_is_deleted(cloud: Cloud) -> None:
    cloud.put("a", b"first")
    seen = cloud.objects.open(INPUT, "a").etag
    with Stubber(cloud.clients.s3) as s3:  # moto knows no condition here
        asked = {"Bucket": INPUT, "Key": "a", "IfMatch": seen}
        for code in ("PreconditionFailed", "NoSuchKey", "ConditionalRequestConflict"):
            s3.add_client_error("delete_object", code, expected_params=asked)
            cloud.objects.delete_if_unchanged(INPUT, "a", seen_etag=seen)
        s3.add_client_error("delete_object", "AccessDenied", expected_params=asked)
        with pytest.raises(ClientError, match="AccessDenied"):
            cloud.objects.delete_if_unchanged(INPUT, "a", seen_etag=seen)
    cloud.objects.delete_if_unchanged(INPUT, "a", seen_etag=seen)
    assert cloud.keys(INPUT) == []
