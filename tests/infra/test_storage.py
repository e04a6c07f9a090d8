"""Storage: nothing public, nothing unencrypted, nothing lost on destroy, and work kept as long as it can be needed."""

from collections.abc import Callable
from typing import Any

import pytest
from dropcut.adapters.object_store import OUTCOME_TAG
from dropcut.core.item_kinds import HELD_INDEX

from .synthesized import Synthesized, written_out

BUCKETS = ("InputBucket", "OutputBucket", "WorkBucket")
DAYS_IN_QUEUES = 14 + 14


def bucket(app: Synthesized, name: str) -> Any:
    return app.properties("Storage", "AWS::S3::Bucket", name)


@pytest.mark.parametrize(("bundle_for", "policy"), [("lambda", "RetainExceptOnCreate"), ("this_machine", "Retain")])
def test_everything_outlives_the_stack_but_not_a_first_deployment_that_fails(
    synthesize: Callable[..., Synthesized], bundle_for: str, policy: str
) -> None:
    """The embedded AWS knows `Retain` alone, and deletes what has another policy."""
    app = synthesize(bundle_for=bundle_for)
    kept = {
        **app.resources("Storage", "AWS::S3::Bucket"),
        **app.resources("Storage", "AWS::S3::BucketPolicy"),
        **app.resources("Storage", "AWS::DynamoDB::Table"),
    }
    assert len(kept) == 7
    for name, resource in kept.items():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (policy, "Retain"), name


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_private_encrypted_and_its_owners(app: Synthesized, name: str) -> None:
    properties = bucket(app, name)
    assert properties["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    encryption = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "BucketName" not in properties


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_reached_by_tls_only(app: Synthesized, name: str) -> None:
    policy = app.properties("Storage", "AWS::S3::BucketPolicy", f"{name}Policy")
    statements = policy["PolicyDocument"]["Statement"]
    assert len(statements) == 1
    assert statements[0]["Effect"] == "Deny"
    assert statements[0]["Principal"] == {"AWS": "*"}
    assert statements[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert {written_out(arn) for arn in statements[0]["Resource"]} == {f"<{name}.Arn>", f"<{name}.Arn>/*"}


def test_uploads_are_announced_by_the_native_property(app: Synthesized) -> None:
    configuration = bucket(app, "InputBucket")["NotificationConfiguration"]
    assert configuration == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert all("NotificationConfiguration" not in bucket(app, name) for name in BUCKETS[1:])


def test_only_a_versioned_input_is_versioned(app: Synthesized, full_app: Synthesized) -> None:
    assert all("VersioningConfiguration" not in bucket(app, name) for name in BUCKETS)
    assert bucket(full_app, "InputBucket")["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all("VersioningConfiguration" not in bucket(full_app, name) for name in BUCKETS[1:])


def rules(app: Synthesized, name: str) -> dict[str, Any]:
    return {rule["Id"]: rule for rule in bucket(app, name)["LifecycleConfiguration"]["Rules"]}


@pytest.mark.parametrize("name", BUCKETS)
def test_interrupted_uploads_are_cleared_away(app: Synthesized, name: str) -> None:
    assert rules(app, name)["interrupted-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


@pytest.mark.parametrize("name", BUCKETS[:2])
def test_photos_and_cutouts_never_expire_but_what_was_deleted_or_replaced_does(
    synthesize: Callable[..., Synthesized], name: str
) -> None:
    found = rules(synthesize(keep_versions_days=12, versioned_input=True), name)
    assert set(found) == {"interrupted-uploads", "older-versions"}
    assert all("ExpirationInDays" not in rule for rule in found.values())
    assert found["older-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 12}
    assert found["older-versions"]["ExpiredObjectDeleteMarker"] is True


@pytest.mark.parametrize("name", BUCKETS[:2])
def test_older_versions_are_kept_for_ever_where_that_is_said(synthesize: Callable[..., Synthesized], name: str) -> None:
    assert set(rules(synthesize(keep_versions_days=0), name)) == {"interrupted-uploads"}


def test_delivered_photos_are_removed_from_our_own_input_bucket_where_that_is_said(
    synthesize: Callable[..., Synthesized],
) -> None:
    app = synthesize(expire_delivered_days=30)
    rule = rules(app, "InputBucket")["delivered"]
    assert (rule["TagFilters"], rule["ExpirationInDays"]) == ([{"Key": OUTCOME_TAG, "Value": "delivered"}], 30)
    assert "Prefix" not in rule
    assert all("delivered" not in rules(app, name) for name in BUCKETS[1:])


def test_what_is_removed_from_the_work_bucket_is_gone_also_where_it_is_versioned(
    synthesize: Callable[..., Synthesized],
) -> None:
    """As AWS Backup asks for it. What was prepared is a customer's photo."""
    found = rules(synthesize(keep_versions_days=0), "WorkBucket")
    assert found["older-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


@pytest.mark.parametrize("keep_results_days", [1, 30, 3650])
def test_work_is_kept_for_as_long_as_a_message_can_need_it(
    synthesize: Callable[..., Synthesized], keep_results_days: int
) -> None:
    work = rules(synthesize(keep_results_days=keep_results_days), "WorkBucket")
    assert set(work) == {"interrupted-uploads", "older-versions", "prepared", "paid", "lists"}
    assert (work["prepared"]["Prefix"], work["prepared"]["ExpirationInDays"]) == ("prepared/", DAYS_IN_QUEUES + 1)
    kept = max(keep_results_days, DAYS_IN_QUEUES) + 1  # no longer than it is used again, or its message can wait
    assert (work["paid"]["Prefix"], work["paid"]["ExpirationInDays"]) == ("paid/", kept)


def test_the_state_table(app: Synthesized) -> None:
    table = app.properties("Storage", "AWS::DynamoDB::Table", "StateTable")
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]} == {
        "id": "S",
        "held_index": "S",
        "held_at": "N",
    }
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == HELD_INDEX
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["held_index", "held_at"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert "TableName" not in table
