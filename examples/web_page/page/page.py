"""The page's function: serves it, lets a browser upload one photo, remembers what its event says, and shows it."""

import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

PHOTOS, CUTOUTS = os.environ["PHOTOS"], os.environ["CUTOUTS"]
MOST_BYTES = 20 * 1024 * 1024
A_DAY = 86_400
# Virtual: the addresses name the bucket's region. The global one redirects or refuses uploads to new buckets elsewhere.
s3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
results: Any = boto3.resource("dynamodb").Table(os.environ["RESULTS"])


def handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    if "detail-type" in event:
        remember(event["detail"])
        return None
    match event["requestContext"]["http"]["method"], event["rawPath"]:
        case "GET", "/":
            page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
            return {"statusCode": 200, "headers": {"content-type": "text/html; charset=utf-8"}, "body": page}
        case "POST", "/upload":
            return as_json(a_place_for_one_photo())
        case "GET", "/result":
            return as_json(result_of(event["queryStringParameters"]["photo"]))
    return {"statusCode": 404}


def a_place_for_one_photo() -> dict[str, Any]:
    """What a browser needs for one upload, within five minutes."""
    key = uuid.uuid4().hex
    size = ["content-length-range", 1, MOST_BYTES]
    return {"photo": key, **s3.generate_presigned_post(PHOTOS, key, Conditions=[size], ExpiresIn=300)}


def remember(detail: dict[str, Any]) -> None:
    """Keep what an event says of a photo: the keys of its cut-outs, or why there are none."""
    keys = [each["key"] for each in detail.get("renditions", [])]
    item = {"photo": detail["key"], "cutouts": keys, "reason": detail.get("reason", "")}
    results.put_item(Item={**item, "expires_at": int(time.time()) + A_DAY})


def result_of(photo: str) -> dict[str, Any]:
    """Empty until the photo's event has come."""
    item = results.get_item(Key={"photo": photo}).get("Item")
    if item is None:
        return {}
    urls = [s3.generate_presigned_url("get_object", {"Bucket": CUTOUTS, "Key": key}) for key in item["cutouts"]]
    return {"cutouts": urls, "reason": item["reason"]}


def as_json(value: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(value)}
