"""What a prefix or a folder will cost, before anything is sent."""

import json
from pathlib import Path

import pytest
from dropcut.adapters.job_records import JobRecords
from dropcut.core.messages import OutcomeMessage, Upload

from dropcut_cli.deployment import Deployment
from tests.cli.conftest import Dropcut
from tests.cli.recorded import photo
from tests.functions.cloud import INPUT
from tests.functions.records import ANSWER


def test_a_prefix_is_estimated_by_names_and_records(deployment: Deployment, dropcut: Dropcut) -> None:
    """As a back-fill of it is planned: what was rejected is done."""
    photo(deployment, "shop/a.jpg", "delivered")
    photo(deployment, "shop/b.JPG", "rejected")
    photo(deployment, "other.jpg", "rejected")
    for name, content in {"shop/c.png": b"x", "shop/notes.txt": b"x", "shop/folder/": b""}.items():
        deployment.client("s3").put_object(Bucket=INPUT, Key=name, Body=content)
    found = json.loads(dropcut("estimate", "shop/", "--json").out)
    assert [found[name] for name in ("photos", "done", "to_do", "refused")] == [3, 2, 1, 1]
    assert (found["credits"], found["dollars"]) == (2, 0.02)
    assert json.loads(dropcut("estimate", "shop/", "--dollars-per-credit", "0.5", "--json").out)["dollars"] == 1


def test_a_folder_is_estimated_by_its_files(deployment: Deployment, dropcut: Dropcut, tmp_path: Path) -> None:
    for name, content in {"a.jpg": b"\xff\xd8\xff", "b.jpg": b"no photo", "c.txt": b"", "d.txt": b""}.items():
        (tmp_path / name).write_bytes(content)
    said = dropcut("estimate", str(tmp_path)).out
    assert said.startswith("1 photo, 0 of them done; 3 other files left out (2 .txt, 1 .jpg)\n")
    assert dropcut("estimate", str(tmp_path / "a.jpg")).out.startswith(
        "1 photo, 0 of them done; 0 other files left out"
    )


def test_what_a_folder_delivered_below_another_prefix_is_done(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    dropcut("put", str(tmp_path), "--to", "many/")
    etag = deployment.client("s3").head_object(Bucket=INPUT, Key="many/a.jpg")["ETag"]
    upload = Upload(bucket=INPUT, key="many/a.jpg", sequencer="01", etag=etag)
    jobs = JobRecords(table=deployment.table)
    jobs.begin(upload, now=0)
    jobs.delivered(OutcomeMessage(upload=upload, outcome=ANSWER), output_keys=["a.png"], now=0)
    assert json.loads(dropcut("estimate", str(tmp_path), "--json").out)["done"] == 0
    ran = dropcut("estimate", str(tmp_path), "--to", "many/", "--json")
    assert (ran.exit_code, json.loads(ran.out)["done"]) == (9, 1)


@pytest.mark.parametrize("arguments", [["/no/such/folder"], ["./none"], ["shop/", "--to", "many/"]])
def test_a_place_on_this_machine_that_is_not_there_is_no_prefix(dropcut: Dropcut, arguments: list[str]) -> None:
    ran = dropcut("estimate", *arguments)
    assert (ran.exit_code, ran.out) == (2, "")
    assert "on this machine" in ran.err
