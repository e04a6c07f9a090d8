"""The blocks of docs/recipes.md, deployed together as they stand there; what each is for comes to pass."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.system import System
from stand_in.stand_in import StandIn
from tests.end_to_end.new_user import NewUser, eventually
from tests.end_to_end.photos import photo
from tests.infra.recipes import FIRST, NOT_DEPLOYED, entries_of_a_request, recipes

pytestmark = pytest.mark.timeout(400)
PHOTO = photo()
OUTPUTS = {
    "Photos": "cutouts.input_bucket.bucket_name",
    "TableOfCutouts": "catalogue.table_name",
    "RejectionsTopic": "rejections.topic_arn",
    "NextBucket": "next_step.bucket_name",
    "ListedPhotos": "listings.input_bucket.bucket_name",
    "ListedPictures": "listings.output_bucket.bucket_name",
    "RequestedPhotos": "on_request.input_bucket.bucket_name",
    "RequestedCutouts": "on_request.output_bucket.bucket_name",
    "PutTheApiKeyInto": "cutouts.api_key.secret",
    "PutTheApiKeyIntoThisToo": "listings.api_key.secret",
    "PutTheApiKeyIntoTheThird": "on_request.api_key.secret",
}
"""What the test has to know of the stack, by expressions in the names of the blocks."""
WITHOUT_POLICIES_OF_BUSES = """
from aws_cdk.aws_events import CfnEventBusPolicy

for each in self.node.find_all():
    if isinstance(each, CfnEventBusPolicy):
        each.node.scope.node.try_remove_child(each.node.id)
"""
"""The embedded AWS has none in its CloudFormation."""


@pytest.fixture(scope="module")
def deployed(
    system: System, api: StandIn, users_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """The outputs of a stack with all blocks in it, but those that cannot be deployed here."""
    folder = tmp_path_factory.mktemp("recipes")
    user = NewUser(system=system, api_key=api.key, python=users_python, folder=folder)
    blocks = recipes()
    shown = [f"CfnOutput(self, '{name}', value={value})" for name, value in OUTPUTS.items()]
    code = [
        "from aws_cdk import App, CfnOutput, Stack",
        "app = App()",
        "self = Stack(app, 'Recipes')",
        blocks.pop(FIRST),
        *(block for heading, block in blocks.items() if heading not in NOT_DEPLOYED),
        *shown,
        WITHOUT_POLICIES_OF_BUSES,
        "app.synth()",
    ]
    return user.deploy_app("all", "\n".join(code))


def keys_in(system: System, bucket: str) -> list[str]:
    return [each["Key"] for each in system.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def put(system: System, bucket: str, key: str, body: bytes = PHOTO) -> None:
    system.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


def test_a_cutout_is_listed_and_goes_to_the_next_step(system: System, deployed: Mapping[str, str]) -> None:
    put(system, deployed["Photos"], "shoes/a.jpg")
    table = system.client("dynamodb")
    items = eventually(lambda: table.scan(TableName=deployed["TableOfCutouts"])["Items"])
    assert items == [{"photo": {"S": "shoes/a.jpg"}, "cutouts": {"L": [{"S": "shoes/a.png"}]}}]
    assert eventually(lambda: keys_in(system, deployed["NextBucket"])) == ["shoes/a.png"]


def test_a_rejected_photo_is_explained_in_a_sentence(system: System, deployed: Mapping[str, str]) -> None:
    sqs: Any = system.client("sqs")
    queue = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    send = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**send, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    system.client("sns").subscribe(TopicArn=deployed["RejectionsTopic"], Protocol="sqs", Endpoint=arn)
    put(system, deployed["Photos"], "notes.jpg", b"no picture at all")
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"))
    assert "notes.jpg was not cut out: " in json.loads(message["Body"])["Message"]


def test_a_listings_picture_has_a_key_of_its_own_in_the_folder(system: System, deployed: Mapping[str, str]) -> None:
    put(system, deployed["ListedPhotos"], "c.jpg")
    pictures = eventually(
        lambda: [key for key in keys_in(system, deployed["ListedPictures"]) if key.startswith("amazon/")]
    )
    (picture,) = pictures
    assert picture.startswith("amazon/c-") and picture.endswith(".jpg")


def test_a_request_on_the_bus_makes_the_cutout_anew(system: System, deployed: Mapping[str, str]) -> None:
    """The account itself publishes it: the embedded AWS leads no event from one account to another."""
    put(system, deployed["RequestedPhotos"], "shoe.jpg")
    eventually(lambda: keys_in(system, deployed["RequestedCutouts"]) == ["shoe.png"])
    entries: Any = entries_of_a_request(deployed["RequestBus"], deployed["RequestedPhotos"])
    answer = system.client("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 0

    def reference() -> str | None:
        cutout = system.client("s3").head_object(Bucket=deployed["RequestedCutouts"], Key="shoe.png")
        return cutout["Metadata"].get("dropcut-reference")

    assert eventually(reference) == "order-4711"
