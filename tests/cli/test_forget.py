"""What is kept of a photo is found, shown, and removed; what is another's stays."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.model import OperationModel
from botocore.stub import Stubber
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectStore
from dropcut.adapters.payment_records import PaymentRecords, payment_id
from dropcut.core.messages import CutRequest, Ended, OutcomeMessage, PaidAnswer, PreparedPicture, Upload
from dropcut.core.payment import Payment
from dropcut.core.rendition_setting import FULL, read_renditions
from dropcut.use_cases.outputs import _provenance
from moto import mock_aws

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError
from dropcut_cli.kept import MESSAGE_SECONDS, KeptPhoto, Trace
from dropcut_cli.program import run
from tests.cli.conftest import SETTINGS, Dropcut
from tests.functions.cloud import INPUT, OUTPUT, REGION, TABLE, WORK, Clients, Cloud, Queues, new_table

NOW = 1_722_081_600.0
KEY, COPY, OTHER = "shop/a ü.jpg", "b.jpg", "c.jpg"
OUTPUTS = {
    "IntakeQueueUrl": "intake",
    "InputBucketName": INPUT,
    "OutputBucketName": OUTPUT,
    "WorkBucketName": WORK,
    "StateTableName": TABLE,
}


class Shop:
    """A deployment with what its functions leave of photos."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.jobs, self.payments = JobRecords(table=cloud.table), PaymentRecords(table=cloud.table)

    def photo(self, key: str, picture: str, *, sequencer: str = "01") -> CutRequest:
        """One that waits to be cut out."""
        self.cloud.put(key, b"photo")
        upload = Upload(bucket=INPUT, key=key, sequencer=sequencer)
        prepared = f"prepared/{picture}.jpeg"
        made = PreparedPicture(work_key=prepared, sha256=picture, format="jpeg", width=1, height=1, size_bytes=1)
        self.cloud.put(prepared, b"prepared", bucket=WORK)
        request = CutRequest(upload=upload, picture=made)
        self.jobs.begin(upload, now=NOW)
        self.jobs.wait_for_cut(request, now=NOW)
        return request

    def delivered(self, key: str, picture: str, *, paid_by_it: bool = True, sequencer: str = "01") -> None:
        request = self.photo(key, picture, sequencer=sequencer)
        answer = PaidAnswer(
            work_key=f"paid/{request.payment_key}",
            picture_sha256=picture,
            format="png",
            width=1,
            height=1,
            credits=2,
            request_id=None,
            provider="ezlink",
        )
        if paid_by_it:
            self.cloud.put(answer.work_key, b"answer", bucket=WORK)
            self.payments.pay(
                request.payment_key, answer, upload=request.upload, payment=Payment(), expires_at=NOW + 1000
            )
        outcome = OutcomeMessage(upload=request.upload, outcome=answer)
        names = [key.rpartition(".")[0] + ending for ending in (".png", "-old.webp")]
        for name in names:
            self.cloud.put(
                name, b"cut-out", bucket=OUTPUT, Metadata=dict(_provenance(request.upload, answer, FULL, None))
            )
        self.jobs.delivered(outcome, output_keys=names, now=NOW)

    def kept(self, key: str = KEY, *, now: float = NOW + 60) -> KeptPhoto:
        clients = self.cloud.clients
        deployment = Deployment(stage="prod", session=boto3.Session(region_name=REGION), known_outputs=OUTPUTS)
        deployment._clients.update(s3=clients.s3, dynamodb=clients.dynamodb)
        return KeptPhoto(deployment=deployment, renditions=[FULL], key=key, now=now)

    def forget(self, key: str = KEY, *, with_photo: bool = False) -> list[Trace]:
        traces = self.kept(key).traces(with_photo=with_photo)
        for trace in traces:
            if not trace.stays:
                trace.remove()
        return traces

    def everything(self) -> set[str]:
        """Names of all objects, and ids of all items."""
        items = self.cloud.clients.dynamodb.scan(TableName=TABLE)["Items"]
        buckets = (INPUT, OUTPUT, WORK)
        names = {f"{bucket}:{key}" for bucket in buckets for key in self.cloud.keys(bucket)}
        return names | {item["id"]["S"] for item in items}


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Made once, which takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield Clients.in_memory()


@pytest.fixture
def shop(clients: Clients) -> Iterator[Shop]:
    with mock_aws():
        yield Shop(Cloud.deployed(clients, new_table(clients)))


def test_all_that_is_kept_of_a_photo_goes_and_nothing_of_others(shop: Shop) -> None:
    shop.delivered(OTHER, "y")
    before = shop.everything()
    shop.delivered(KEY, "x")
    shop.forget()
    assert shop.everything() == before | {f"{INPUT}:{KEY}"}


def test_the_photo_itself_goes_when_that_is_asked_for(shop: Shop) -> None:
    shop.delivered(KEY, "x")
    shop.forget(with_photo=True)
    assert shop.everything() == set()
    assert shop.forget(with_photo=True) == []


def test_nothing_is_removed_by_looking(shop: Shop) -> None:
    shop.delivered(KEY, "x")
    before = shop.everything()
    shop.kept().traces(with_photo=True)
    assert shop.everything() == before


@pytest.mark.parametrize("copy_ends", ["delivered", "rejected", "under way"])
def test_an_answer_stays_as_long_as_one_other_photo_shares_it(shop: Shop, copy_ends: str) -> None:
    shop.delivered(KEY, "x")
    if copy_ends == "delivered":
        shop.delivered(COPY, "x", paid_by_it=False)
    else:
        request = shop.photo(COPY, "x")
        if copy_ends == "rejected":
            shop.jobs.ended(request.upload, Ended(kind="rejected", code="c", reason="r"), now=NOW)
    traces = shop.forget()
    assert {trace.name: trace.stays for trace in traces}[
        "'paid/x.png'"
    ] == "it is shared by 1 other photo of the same picture"
    assert f"{WORK}:paid/x.png" in shop.everything()
    record = shop.cloud.item(payment_id("x.png")) or {}
    assert "photo" not in record  # whose it was is forgotten
    assert record["work_key"] == "paid/x.png"
    assert f"object#{INPUT}/{KEY}" not in shop.everything()


def test_an_answer_goes_with_the_last_photo_that_shares_it(shop: Shop) -> None:
    shop.delivered(KEY, "x")
    shop.delivered(COPY, "x", paid_by_it=False)
    shop.forget(KEY, with_photo=True)
    shop.forget(COPY, with_photo=True)
    assert shop.everything() == set()


def test_what_older_uploads_of_the_key_paid_for_goes_too(shop: Shop) -> None:
    shop.delivered(KEY, "x")
    shop.delivered(KEY, "y", sequencer="02")
    shop.forget(with_photo=True)
    assert shop.everything() == set()


def test_a_photo_whose_record_expired_is_found_by_its_payment_and_its_names(shop: Shop) -> None:
    shop.delivered(KEY, "x")
    shop.cloud.clients.dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": f"object#{INPUT}/{KEY}"}})
    shop.forget(with_photo=True)
    assert shop.everything() == {f"{OUTPUT}:shop/a ü-old.webp"}  # of renditions that are not made any more


@pytest.mark.parametrize("name", ["shop/a ü.jpg.png", "held/shop/a ü.png"])
def test_cutouts_are_found_under_every_name_but_only_by_their_owner(shop: Shop, name: str) -> None:
    shop.delivered(KEY, "x")
    stored = shop.cloud.metadata("shop/a ü.png")
    shop.cloud.put(name, b"its own", bucket=OUTPUT, Metadata=stored)
    shop.cloud.put("shop/a ü.png", b"another's", bucket=OUTPUT, Metadata=stored | {"dropcut-source-sha256": "0"})
    shop.cloud.put("shop/a ü.webp", b"put there by hand", bucket=OUTPUT)
    shop.forget(with_photo=True)
    assert shop.cloud.keys(OUTPUT) == ["shop/a ü.png", "shop/a ü.webp"]


def test_cutouts_named_by_version_or_content_are_found_as_well(shop: Shop) -> None:
    by_content = read_renditions([{"name": "mine", "format": "png", "key": "w/{folder}{stem}-{sha256}.{extension}"}])
    shop.delivered(KEY, "x")
    stored = shop.cloud.metadata("shop/a ü.png")
    another, elsewhere = {"dropcut-source-sha256": "0"}, stored | {"dropcut-source-bucket": "other-photos"}
    for name, owner in (("1a", stored), ("2b", stored), ("3c", another), ("4d", elsewhere)):
        shop.cloud.put(f"w/shop/a ü-{name}.png", b"cut-out", bucket=OUTPUT, Metadata=owner)
    for trace in replace(shop.kept(), renditions=by_content).traces(with_photo=False):
        if not trace.stays:
            trace.remove()
    assert shop.cloud.keys(OUTPUT) == ["w/shop/a ü-3c.png", "w/shop/a ü-4d.png"]


def test_all_versions_go_but_those_that_are_another_photos(shop: Shop) -> None:
    s3: Any = shop.cloud.clients.s3
    for bucket in (INPUT, OUTPUT, WORK):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    shop.delivered(OTHER, "y")
    shop.cloud.put("shop/a ü.png", b"another's", bucket=OUTPUT, Metadata={"dropcut-source-sha256": "0"})
    for sequencer in ("01", "02"):
        shop.delivered(KEY, "x", sequencer=sequencer)
    for bucket, key in ((INPUT, KEY), (WORK, "prepared/x.jpeg"), (OUTPUT, "shop/a ü-old.webp")):
        s3.delete_object(Bucket=bucket, Key=key)
    shop.forget(with_photo=True)
    left = [
        (each["Key"], kind)
        for bucket in (INPUT, OUTPUT, WORK)
        for kind in ("Versions", "DeleteMarkers")
        for each in s3.list_object_versions(Bucket=bucket).get(kind, [])
    ]
    others = [OTHER, "c-old.webp", "c.png", "shop/a ü.png", "paid/y.png", "prepared/y.jpeg"]
    assert left == [(key, "Versions") for key in others]


@pytest.mark.parametrize(("age", "refused"), [(60, True), (MESSAGE_SECONDS - 1, True), (MESSAGE_SECONDS + 1, False)])
def test_a_photo_under_way_is_not_forgotten_until_no_message_of_it_can_be_left(
    shop: Shop, age: float, refused: bool
) -> None:
    shop.photo(KEY, "x")
    kept = shop.kept(now=NOW + age)
    if refused:
        with pytest.raises(CommandError, match="under way"):
            kept.traces(with_photo=True)
    else:
        assert "'prepared/x.jpeg'" in {trace.name for trace in kept.traces(with_photo=True)}


def test_a_failed_photo_is_forgotten_with_what_was_prepared_for_it(shop: Shop) -> None:
    request = shop.photo(KEY, "x")
    shop.jobs.ended(request.upload, Ended(kind="failed", code="c", reason="r"), now=NOW)
    shop.forget(with_photo=True)
    assert shop.everything() == set()


def test_a_record_that_changed_meanwhile_stays_and_says_so(shop: Shop) -> None:
    shop.delivered(KEY, "x")
    traces = shop.kept().traces(with_photo=False)
    shop.photo(KEY, "z", sequencer="03")
    with pytest.raises(CommandError, match="changed meanwhile"):
        traces[-1].remove()
    assert f"object#{INPUT}/{KEY}" in shop.everything()


def test_an_answer_that_is_being_paid_for_again_stays(shop: Shop) -> None:
    shop.delivered(KEY, "x")
    traces = shop.kept().traces(with_photo=False)
    shop.payments.claim("x.png", holder="h", now=NOW + 2000, lease_until=NOW + 3000, expires_at=NOW + 9000)
    (payment,) = [trace for trace in traces if trace.name == "'payment#x.png'"]
    with pytest.raises(CommandError, match="changed meanwhile"):
        payment.remove()


@pytest.mark.parametrize("forged", ["", "y", "y.pn", "y.png"])
def test_a_forged_record_leads_to_nobody_elses_answer(shop: Shop, forged: str) -> None:
    """Whoever holds prepare's role may write to the photo's record."""
    shop.delivered(OTHER, "y")
    shop.delivered(KEY, "x")
    outcome = shop.cloud.item(f"object#{INPUT}/{KEY}") or {}
    text = outcome["delivered_outcome"].replace("paid/x.png", f"paid/{forged}")
    shop.cloud.table.update(f"object#{INPUT}/{KEY}", "SET delivered_outcome = :text", {"text": text})
    shop.forget()
    others = {f"{WORK}:paid/y.png", f"{WORK}:prepared/y.jpeg", payment_id("y.png")}
    assert others <= shop.everything()


# The command.


@pytest.fixture
def command(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A delivered photo, in the deployment that the command finds."""
    made = {name: deployment.client(name) for name in ("s3", "sqs", "dynamodb", "events")}
    clients = Clients(**made, secrets=deployment.client("secretsmanager"))
    cloud = Cloud(clients, deployment.table, ObjectStore(clients.s3), Queues(clients.sqs))
    shop = Shop(cloud)
    shop.delivered(KEY, "x")
    monkeypatch.setattr("time.time", lambda: NOW + 60)
    monkeypatch.delenv("KEY", raising=False)
    return shop


def test_it_shows_what_would_go_and_how_it_is_removed(command: Shop, dropcut: Dropcut) -> None:
    before = command.everything()
    ran = dropcut("forget", KEY)
    assert ran.exit_code == 0
    assert f"would go  {OUTPUT}  'shop/a ü.png'" in ran.out
    assert f"stays    {INPUT}  'shop/a ü.jpg': it is the photo itself" in ran.out
    assert "would be removed; the same with --yes removes them." in ran.err
    assert command.everything() == before


def test_it_removes_reports_and_names_what_it_does_not_remove(
    command: Shop, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by make's variable, as any other program can be started with."""
    monkeypatch.setenv("KEY", KEY)
    ran = dropcut("forget", "--yes", "--photo", "--json")
    removed = [json.loads(line) for line in ran.out.splitlines()]
    assert {"place": WORK, "name": "'paid/x.png'", "removed": True, "stays": ""} in removed
    assert "dead-letter queues" in ran.err
    assert "logs" in ran.err
    assert command.everything() == set()
    again = dropcut("forget", KEY)
    assert again.exit_code == 9
    assert "Nothing is kept of 'shop/a ü.jpg' in `prod` (eu-central-1)." in again.err


def test_the_privacy_page_names_the_rights_that_it_needs(
    command: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.delivered(COPY, "x", paid_by_it=False)  # so that the answer stays, without this photo's name
    calls = set[str]()
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    session.events.register("provide-client-params", lambda model, **_: calls.update(_rights(model)))
    watched = Deployment(stage="prod", session=session)
    monkeypatch.setattr(Deployment, "find", lambda **_asked: watched)
    with Stubber(watched.client("cloudformation")) as stacks, Stubber(watched.client("lambda")) as functions:
        for outputs in (deployment.outputs, {}, {}):
            described = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
            stack = {"StackName": "a", "StackStatus": "b", "CreationTime": 0, "Outputs": described}
            stacks.add_response("describe_stacks", {"Stacks": [stack]})
        functions.add_response("list_event_source_mappings", {"EventSourceMappings": [{"FunctionArn": "deliver"}]})
        functions.add_response("get_function_configuration", {"Environment": {"Variables": SETTINGS}})
        assert run(("forget", KEY, "--yes")) == 0
    page = (REPOSITORY / "docs" / "privacy.md").read_text(encoding="utf-8").partition("It needs these rights:")[2]
    assert calls == set(re.findall(r"`(\w+:\w+)`", page))


def _rights(call: OperationModel) -> set[str]:
    """The rights that a call of AWS asks for: those of S3 have other names, and more for an older version."""
    service, name = call.service_model.service_name, call.name
    of_s3 = {
        "ListObjectVersions": {"s3:ListBucketVersions"},
        "HeadObject": {"s3:GetObject", "s3:GetObjectVersion"},
        "DeleteObject": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    }
    return of_s3[name] if service == "s3" else {f"{service}:{name}"}


def test_without_a_key_nothing_is_looked_for(command: Shop, dropcut: Dropcut) -> None:
    before = command.everything()
    ran = dropcut("forget", "--yes")
    assert (ran.exit_code, ran.err) == (2, "Missing argument 'KEY'. See `dropcut forget --help`.\n")
    assert command.everything() == before


def test_a_name_that_would_drive_the_terminal_is_shown_as_text(command: Shop, dropcut: Dropcut) -> None:
    key = "a\x9b2J\u202e\n.jpg"
    command.delivered(key, "z")
    for arguments in ((), ("--yes",)):
        said = dropcut("forget", key, *arguments)
        assert (said.out + said.err).replace("\n", "").isprintable()
        assert r"'a\u009b2J\u202e\u000a.png'" in said.out
