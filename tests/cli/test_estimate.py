"""What a prefix or a folder will cost, before anything is sent."""

import json
from pathlib import Path

from dropcut_cli.deployment import Deployment
from tests.cli.conftest import Dropcut
from tests.cli.recorded import photo
from tests.functions.cloud import INPUT


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
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "b.jpg").write_text("no photo")
    assert "1 photos, 0 of them done; 1 other files" in dropcut("estimate", str(tmp_path)).out
