"""The construct as a new user meets it: a wheel, a few lines in a folder of their own, `cdk deploy`, a photo."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.surroundings import clean
from local.system import System
from stand_in.stand_in import StandIn
from tests.end_to_end.new_user import CACHE, NewUser, eventually
from tests.end_to_end.photos import photo

pytestmark = pytest.mark.timeout(400)
PHOTO = photo()


@pytest.fixture(scope="module")
def user(system: System, api: StandIn, users_python: Path, tmp_path_factory: pytest.TempPathFactory) -> NewUser:
    folder = tmp_path_factory.mktemp("new-user")
    return NewUser(system=system, api_key=api.key, python=users_python, folder=folder)


def keys_in(system: System, bucket: str) -> list[str]:
    return [each["Key"] for each in system.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_five_lines_deliver_a_photo(user: NewUser, system: System) -> None:
    outputs = user.deploy("five_lines")
    assert list((CACHE / "dropcut").glob("artifact-*.zip"))
    system.client("s3").put_object(Bucket=outputs["DropPhotosInto"], Key="shoes/a.jpg", Body=PHOTO)
    assert eventually(lambda: keys_in(system, outputs["CutoutsAppearIn"])) == ["shoes/a.png"]
    command = [sys.executable, "-m", "dropcut_cli", "status", "shoes/a.jpg", "--stack", "FiveLines", "--json"]
    surroundings = clean() | system.account.variables() | {"PYTHONPATH": str(REPOSITORY / "cli" / "src")}
    ran = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert (ran.returncode, json.loads(ran.stdout)["state"]) == (0, "delivered"), ran.stderr


@pytest.fixture(scope="module")
def buckets(system: System) -> dict[str, str]:
    """Two buckets that were there before; the one with photos already notifies somebody else."""
    s3, sqs = system.client("s3"), system.client("sqs")
    queue = sqs.create_queue(QueueName="somebody-elses")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    send = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    names = {"photos": "a-shops-photos", "shop": "a-shops-pictures"}
    for bucket in names.values():
        s3.create_bucket(Bucket=bucket)
    notified = {
        "QueueConfigurations": [{"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}],
        "EventBridgeConfiguration": {},
    }
    s3.put_bucket_notification_configuration(Bucket=names["photos"], NotificationConfiguration=notified)
    return names


def test_photos_of_ones_own_buckets_are_taken_by_key_and_tag(
    user: NewUser, system: System, buckets: dict[str, str]
) -> None:
    outputs = user.deploy("own_buckets", **buckets)
    s3: Any = system.client("s3")
    for key, tags in (
        ("products/a.JPG", "cut=yes"),
        ("products/untagged.jpg", ""),
        ("products/b.png", "cut=yes"),
        ("people/c.jpg", ""),
        ("elsewhere/d.jpg", "cut=yes"),
    ):
        s3.put_object(Bucket=buckets["photos"], Key=key, Body=PHOTO, Tagging=tags)
    catalogue = system.client("dynamodb")

    def listed() -> dict[str, set[str]]:
        items = catalogue.scan(TableName=outputs["CatalogueName"])["Items"]
        return {item["photo"]["S"]: {each["S"] for each in item["cutouts"]["L"]} for item in items}

    assert eventually(lambda: found if len(found := listed()) == 2 else None) == {
        "products/a.JPG": {"products/a.png", "products/a-amazon_main.jpg"},
        "people/c.jpg": {"people/c-preview.jpg"},
    }
    assert set(keys_in(system, buckets["shop"])) == {
        *("products/a.png", "products/a-amazon_main.jpg"),
        "people/c-preview.jpg",
    }
    kept = s3.get_bucket_notification_configuration(Bucket=buckets["photos"])
    assert [each["Id"] for each in kept["QueueConfigurations"]] == ["theirs"]
