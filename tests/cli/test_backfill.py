"""`dropcut backfill`: what it plans, what it leaves for the feeder, and what it says of each."""

import csv
import gzip
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from botocore.stub import Stubber
from dropcut.adapters.backfill_records import BackfillRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.key_records import BudgetRecord
from dropcut.adapters.photo_lists import KEYS_IN_A_PART, PhotoLists
from dropcut.core.backfill import Backfill
from dropcut.core.messages import Ended, OutcomeMessage, PaidAnswer, Upload

from dropcut_cli import backfill_photos
from dropcut_cli.deployment import Deployment
from tests.cli.conftest import RULE, SETTINGS, Dropcut, Ran
from tests.functions.cloud import INPUT, OUTPUT, WORK

NOW = 1_722_000_000.0
ANSWER = PaidAnswer(
    work_key="paid/x.png", picture_sha256="0" * 64, format="png", width=8, height=8, credits=2.0, request_id=None,
    provider="ezlink",
)  # fmt: skip


def put(deployment: Deployment, *keys: str, body: bytes = b"123") -> None:
    for key in keys:
        deployment.client("s3").put_object(Bucket=INPUT, Key=key, Body=body)


def end(deployment: Deployment, key: str, status: str, *, renditions: Sequence[str] = ("full",)) -> None:
    """As if a photo had ended so."""
    jobs, upload = JobRecords(table=deployment.table), Upload(bucket=INPUT, key=key, sequencer="01")
    jobs.begin(upload, now=NOW)
    if status == "delivered":
        outcome = OutcomeMessage(upload=upload, outcome=ANSWER)
        jobs.delivered(outcome, output_keys=["o.png"], renditions=renditions, now=NOW)
    else:
        jobs.ended(upload, Ended(kind=status, code="c", reason="r"), now=NOW)  # type: ignore[arg-type]


def only(ran: Ran) -> dict[str, Any]:
    assert ran.exit_code == 0, ran.err
    (line,) = ran.out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def records(deployment: Deployment) -> BackfillRecords:
    return BackfillRecords(table=deployment.table)


def rule_state(deployment: Deployment) -> str:
    return str(deployment.client("events").describe_rule(Name=RULE)["State"])


def read_back(deployment: Deployment, backfill: Backfill) -> list[str]:
    """The keys as the feeder comes to them."""
    page = PhotoLists(deployment.client("s3"), work_bucket=WORK).page(backfill, most=1000)
    assert page.is_last
    return [entry.key for entry in page.entries]


def test_a_plan_says_what_is_there_what_is_done_and_what_the_rest_costs(
    deployment: Deployment, dropcut: Dropcut
) -> None:
    names = ("delivered", "rejected", "failed", "lacking", "new")
    put(deployment, *(f"shop/{name}.jpg" for name in names), "shop/notes.txt", "other/a.jpg")
    put(deployment, "shop/", "shop/empty.jpg", body=b"")
    for name in names[:3]:
        end(deployment, f"shop/{name}.jpg", name)
    end(deployment, "shop/lacking.jpg", "delivered", renditions=["an old one"])
    plan = only(dropcut("backfill", "plan", f"s3://{INPUT}/shop/", "--json"))
    assert plan == {
        "bucket": INPUT,
        "prefix": "shop/",
        "objects": 8,
        "photos": 5,
        "done": 2,
        "done_is_estimated": False,
        "to_do": 3,
        "would_be_rejected": 2,
        "left_out": 1,
        "credits": 6.0,
        "dollars": 0.06,
        "seconds": pytest.approx(0.2, abs=0.1),
        "days_of_the_limit": 0.07,  # of which a tenth is left for live photos
    }
    said = dropcut("backfill", "plan", f"s3://{INPUT}/shop/").out
    assert "5 photos, 2 of them done" in said
    assert "To do: 3 photos: at most 6 credits (0.06 $)" in said
    assert records(deployment).all() == []


def test_of_many_photos_some_are_looked_up(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill_photos, "LOOKED_UP", 40)
    keys = [f"{number:04}.jpg" for number in range(120)]
    put(deployment, *keys)
    for key in keys[:60]:
        end(deployment, key, "delivered")
    plan = only(dropcut("backfill", "plan", f"s3://{INPUT}", "--json"))
    assert plan["done_is_estimated"] and 30 < plan["done"] < 90
    assert plan["done"] + plan["to_do"] == 120
    assert "about " in dropcut("backfill", "plan", f"s3://{INPUT}").out


KEYS = ["a b.jpg", "a+b%20.jpg", "é,日.jpg", "deep/c.png"]


def plain(path: Path) -> None:
    path.write_text("\n".join(KEYS) + "\n", encoding="utf-8")


def inventory(path: Path) -> None:
    """As S3 writes it, without a head."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([INPUT, quote_plus(key), 123] for key in KEYS)


def zipped(path: Path) -> None:
    inventory(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


@pytest.mark.parametrize("in_s3", [False, True])
@pytest.mark.parametrize("kind", [("keys.txt", plain), ("inv.csv", inventory), ("inv.csv.gz", zipped)])
def test_a_list_is_read_and_left_for_the_feeder(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path, kind: tuple[str, Callable[[Path], None]], in_s3: bool
) -> None:
    name, write = kind
    path = tmp_path / name
    write(path)
    if in_s3:
        deployment.client("s3").put_object(Bucket=OUTPUT, Key=f"lists/{name}", Body=path.read_bytes())
    where = f"s3://{OUTPUT}/lists/{name}" if in_s3 else str(path)
    started = only(dropcut("backfill", "start", "--keys", where, "--json"))
    (found,) = records(deployment).all()
    assert (found.name, found.total, found.parts, found.status) == (started["name"], 4, 1, "running")
    assert read_back(deployment, found) == KEYS
    assert rule_state(deployment) == "ENABLED"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa.jpg\nb.jpg\n",
        b"a.jpg\r\n\r\nb.jpg",
        f'\ufeff"{INPUT}","a.jpg"\r\n\r\n"{INPUT}","b.jpg"\r\n\n'.encode(),
        f'\n"{INPUT}","a.jpg"\n"{INPUT}","b.jpg"'.encode(),
    ],
    ids=["mark", "line ends", "CSV with both", "CSV with an empty line"],
)
def test_a_list_may_have_a_mark_other_line_ends_and_empty_lines(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "list").write_bytes(content)
    only(dropcut("backfill", "start", "--keys", str(tmp_path / "list"), "--json"))
    (found,) = records(deployment).all()
    assert read_back(deployment, found) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list", "é.jpg".encode("latin-1")),
        ("list.gz", gzip.compress(b"a.jpg\n" * 9, mtime=0)[:-9]),
        ("list.gz", b"a.jpg"),
        ("list.gz", gzip.compress(b"", mtime=0)[:10] + b"\xff" * 9),
    ],
)
def test_a_list_that_is_damaged_is_said_to_be_so(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    ran = dropcut("backfill", "start", "--keys", str(tmp_path / name))
    assert (ran.exit_code, ran.out, len(ran.err.splitlines())) == (1, "", 1)
    assert f"{tmp_path / name} cannot be read" in ran.err
    assert records(deployment).all() == []


def test_a_pipe_is_no_list_as_it_can_be_read_once_only(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    ran = dropcut("backfill", "start", "--keys", str(tmp_path / "pipe"))
    assert (ran.exit_code, "is read more than once" in ran.err) == (2, True)
    assert records(deployment).all() == []


def test_a_list_that_is_emptied_meanwhile_does_not_become_the_whole_bucket(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("a.jpg\n")
    planned = backfill_photos.planned

    def plan_then_empty(*given: Any) -> dict[str, Any]:
        plan = planned(*given)
        path.write_text("")
        return plan

    monkeypatch.setattr(backfill_photos, "planned", plan_then_empty)
    ran = dropcut("backfill", "start", "--keys", str(path))
    assert (ran.exit_code, "keys.txt" in ran.err) == (1, True)
    assert records(deployment).all() == []  # the feeder finds nothing, and turns its rule off again


def test_of_an_inventory_of_all_versions_the_newest_are_taken(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path
) -> None:
    rows = [
        (INPUT, "a.jpg", "v2", "true", "false", "9"),
        (INPUT, "a.jpg", "v1", "false", "false", "9"),
        (INPUT, "gone.jpg", "v2", "true", "true", ""),
        (INPUT, "gone.jpg", "v1", "false", "false", "9"),
        (INPUT, "of the newest alone.jpg", "9", "STANDARD", "false"),
    ]
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    plan = only(dropcut("backfill", "plan", "--keys", str(tmp_path / "list.csv"), "--json"))
    assert (plan["objects"], plan["photos"]) == (2, 2)


def test_a_long_list_is_left_in_parts(deployment: Deployment, dropcut: Dropcut, tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("".join(f"{number}.jpg\n" for number in range(KEYS_IN_A_PART + 1)))
    assert dropcut("backfill", "start", "--keys", str(path), "--yes").exit_code == 0
    (found,) = records(deployment).all()
    assert (found.parts, found.total) == (2, KEYS_IN_A_PART + 1)


def test_above_fifty_photos_it_asks(deployment: Deployment, dropcut: Dropcut) -> None:
    put(deployment, *(f"{number}.jpg" for number in range(51)))
    asked = dropcut("backfill", "start", f"s3://{INPUT}/")
    assert (asked.exit_code, "--yes" in asked.err) == (2, True)
    assert (records(deployment).all(), rule_state(deployment)) == ([], "DISABLED")
    assert dropcut("backfill", "start", f"s3://{INPUT}/", "--yes").exit_code == 0
    assert rule_state(deployment) == "ENABLED"


def test_of_photos_that_were_not_looked_up_some_may_be_to_do(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill_photos, "LOOKED_UP", 2)
    put(deployment, *(f"{number}.jpg" for number in range(8)))
    for number in range(7):
        end(deployment, f"{number}.jpg", "delivered")
    started = only(dropcut("backfill", "start", f"s3://{INPUT}/", "--yes", "--json"))
    assert (started["to_do"], started["done_is_estimated"]) == (0, True)
    assert rule_state(deployment) == "ENABLED"
    assert dropcut("backfill", "plan", f"s3://{INPUT}/").exit_code == 0


def test_a_name_without_an_ending_may_be_a_photo(deployment: Deployment, dropcut: Dropcut) -> None:
    put(deployment, "shop.2024/4711", "notes.txt")
    plan = only(dropcut("backfill", "plan", f"s3://{INPUT}/", "--json"))
    assert (plan["photos"], plan["to_do"], plan["would_be_rejected"]) == (1, 1, 1)


def test_it_asks_above_fifty_whatever_their_names(deployment: Deployment, dropcut: Dropcut) -> None:
    """What is a photo is decided by its bytes: any of these may cost credits."""
    put(deployment, "a.jpg", *(f"{number}.dat" for number in range(50)))
    ran = dropcut("backfill", "start", f"s3://{INPUT}/")
    assert ran.exit_code == 2
    assert "51 objects: 1 photo, 0 of them done\n50 other files" in ran.err
    assert records(deployment).all() == []


def test_without_anything_to_do_nothing_is_started(deployment: Deployment, dropcut: Dropcut) -> None:
    put(deployment, "a.jpg")
    end(deployment, "a.jpg", "delivered")
    for verb in ("plan", "start"):
        assert dropcut("backfill", verb, f"s3://{INPUT}/").exit_code == 9
    assert (records(deployment).all(), rule_state(deployment)) == ([], "DISABLED")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Which photos?"),
        ([f"s3://{INPUT}/", "--keys", "keys.txt"], "Which photos?"),
        (["shop/2024/"], "no address of S3"),
        (["s3://"], "no address of S3"),
        (["s3://somebody-elses/"], f"No photos are taken from somebody-elses, but from {INPUT}."),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(dropcut: Dropcut, arguments: list[str], said: str) -> None:
    ran = dropcut("backfill", "plan", *arguments)
    assert (ran.exit_code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ([f'"{INPUT}","a.jpg"', '"another","b.jpg"'], 1, "names two buckets"),
        (['"another","b.jpg"'], 2, "No photos are taken from another"),
        (['"a.jpg"'], 2, "no CSV of S3 Inventory"),
    ],
)
def test_a_list_of_other_things_is_refused(
    dropcut: Dropcut, tmp_path: Path, lines: list[str], code: int, said: str
) -> None:
    (tmp_path / "list.csv").write_text("\n".join(lines))
    ran = dropcut("backfill", "plan", "--keys", str(tmp_path / "list.csv"))
    assert (ran.exit_code, said in ran.err) == (code, True)


@pytest.mark.parametrize("where", ["no-such-file", f"s3://{INPUT}/no-such-list"])
def test_a_list_that_is_not_there_is_said_to_be_so(dropcut: Dropcut, where: str) -> None:
    ran = dropcut("backfill", "plan", "--keys", where)
    assert (ran.exit_code, len(ran.err.splitlines())) == (1, 1)


def test_who_may_not_wake_the_feeder_starts_nothing(deployment: Deployment, dropcut: Dropcut, tmp_path: Path) -> None:
    put(deployment, "a.jpg")
    (tmp_path / "list").write_text("a.jpg\n")
    with Stubber(deployment.client("events")) as refusing:
        refusing.add_client_error("enable_rule", "AccessDeniedException", "No.", http_status_code=403)
        assert dropcut("backfill", "start", "--keys", str(tmp_path / "list")).exit_code == 4
    assert records(deployment).all() == []
    assert "Contents" not in deployment.client("s3").list_objects_v2(Bucket=WORK)


def test_a_feeder_that_falls_asleep_meanwhile_is_woken(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(deployment, "a.jpg")
    events, start = deployment.client("events"), BackfillRecords.start

    def asleep(records: BackfillRecords, backfill: Backfill) -> None:
        events.disable_rule(Name=RULE)
        start(records, backfill)

    monkeypatch.setattr(BackfillRecords, "start", asleep)
    only(dropcut("backfill", "start", f"s3://{INPUT}/", "--json"))
    assert rule_state(deployment) == "ENABLED"


def test_each_back_fill_is_listed_with_its_end(deployment: Deployment, dropcut: Dropcut) -> None:
    assert dropcut("backfill", "list").exit_code == 9
    one = Backfill(name="one", bucket=INPUT, prefix="p/", total=1_000, started_at=NOW)
    records(deployment).start(one)
    records(deployment).start(Backfill(name="two", bucket=INPUT, parts=1, total=10, started_at=NOW + 1))
    records(deployment).break_off(Backfill(name="two", bucket=INPUT), "The list is gone.")
    deployment.client("events").enable_rule(Name=RULE)
    first, second = (json.loads(line) for line in dropcut("backfill", "list", "--json").out.splitlines())
    # Nine tenths of the daily limit of 100 credits are 45 photos: 22 days.
    assert first["ends_at"] == pytest.approx(time.time() + 22.22 * 86_400, abs=60)
    assert (first["status"], first["seen"], first["total"]) == ("running", 0, 1_000)
    assert (second["status"], second["reason"], second["ends_at"]) == ("broken", "The list is gone.", None)
    said = dropcut("backfill", "list").out
    assert "one  running  0 of 1,000, ends in 22 days  s3://photos-in/p/" in said
    assert "two  broken  0 of 10  a list, photos-in: The list is gone." in said


def test_without_a_daily_limit_the_pace_says_when_it_ends(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "DAILY_CREDIT_LIMIT", "0")
    deployment.client("events").enable_rule(Name=RULE)
    for name in ("one", "two"):
        records(deployment).start(Backfill(name=name, bucket=INPUT, total=14_595, started_at=NOW))
    first = json.loads(dropcut("backfill", "list", "--json").out.splitlines()[0])
    assert first["ends_at"] == pytest.approx(time.time() + 2 * 1_000, abs=10)  # two take turns


def test_what_does_not_go_on_says_why_and_has_no_end(deployment: Deployment, dropcut: Dropcut) -> None:
    records(deployment).start(Backfill(name="one", bucket=INPUT, total=1))
    listed = only(dropcut("backfill", "list", "--json"))
    assert "`dropcut backfill resume one` wakes it" in listed["reason"]
    assert listed["ends_at"] is None
    deployment.client("events").enable_rule(Name=RULE)
    deployment.gate.close_by_hand("The shop moves.", now=NOW)
    listed = only(dropcut("backfill", "list", "--json"))
    assert "The shop moves." in listed["reason"]
    assert listed["ends_at"] is None
    assert "running  0 of 1  s3" in dropcut("backfill", "list").out


@pytest.mark.parametrize(("spent", "waits"), [(88.0, False), (88.5, True), (100.0, True)])
def test_the_days_credits_are_why_it_does_not_go_on(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch, spent: float, waits: bool
) -> None:
    """Of 100 credits 10 are for live photos, and a photo costs 2."""
    monkeypatch.setattr(Deployment, "fingerprint", "f")
    records(deployment).start(Backfill(name="one", bucket=INPUT, total=1))
    deployment.client("events").enable_rule(Name=RULE)
    BudgetRecord(table=deployment.table, daily_credit_limit=0).take("f", spent, now=time.time())
    reason = only(dropcut("backfill", "list", "--json"))["reason"]
    assert (f"{spent:g} credits of 100 are spent today" in reason) is waits
    assert bool(reason) is waits


def test_it_is_stopped_and_resumed_at_any_time(deployment: Deployment, dropcut: Dropcut) -> None:
    records(deployment).start(Backfill(name="one", bucket=INPUT))
    assert only(dropcut("backfill", "stop", "--json")) == {"name": "one", "status": "stopped"}
    assert only(dropcut("backfill", "stop", "one", "--json"))["status"] == "stopped"
    assert only(dropcut("backfill", "resume", "--json"))["status"] == "running"
    assert rule_state(deployment) == "ENABLED"
    records(deployment).finish(Backfill(name="one", bucket=INPUT), now=NOW)
    assert dropcut("backfill", "stop", "one").exit_code == 9
    assert dropcut("backfill", "stop", "unknown").exit_code == 2
    none = dropcut("backfill", "stop")
    assert (none.exit_code, "There are 0 back-fills to stop" in none.err) == (2, True)


def test_with_two_it_wants_to_know_which_one(deployment: Deployment, dropcut: Dropcut) -> None:
    for name in ("one", "two"):
        records(deployment).start(Backfill(name=name, bucket=INPUT))
    ran = dropcut("backfill", "stop")
    assert (ran.exit_code, "one, two" in ran.err) == (2, True)


def test_an_older_deployment_has_no_feeder(
    deployment: Deployment, dropcut: Dropcut, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(deployment, "a.jpg")
    without = {name: value for name, value in deployment.outputs.items() if name != "BackfillRuleName"}
    monkeypatch.setitem(vars(deployment), "outputs", without)
    ran = dropcut("backfill", "start", f"s3://{INPUT}/")
    assert (ran.exit_code, "Run `dropcut deploy`" in ran.err) == (1, True)
