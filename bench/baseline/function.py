"""The plain one-function pattern of public examples: it reads the photo, calls the API and puts the cut-out.

S3 invokes it with the photo's event. It has what such examples have: it fetches the key once, has a time-out, and
raises an error for a status other than success. It keeps no pace and no payment, makes no second try and verifies no
answer. Our three stages are for these.
"""

import base64
import os
from typing import Any
from urllib.parse import unquote_plus

import boto3
import requests

s3 = boto3.client("s3")
api_key = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["API_KEY_SECRET"])["SecretString"]


def handler(event: dict[str, Any], _context: object) -> None:
    """Cut out each photo of an S3 event."""
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        photo = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        answer = requests.post(
            os.environ["API_BASE_URL"] + "/v2beta/stable-image/edit/remove-background",
            headers={"authorization": f"Bearer {api_key}", "accept": "application/json"},
            files={"image": photo},
            data={"output_format": "png"},
            timeout=70,
        )
        answer.raise_for_status()
        cutout = base64.b64decode(answer.json()["image"])
        name = key.rpartition(".")[0] + ".png"
        s3.put_object(Bucket=os.environ["OUTPUT_BUCKET"], Key=name, Body=cutout, ContentType="image/png")
