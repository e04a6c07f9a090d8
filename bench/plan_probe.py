"""Plans a back-fill of many photos once: `python plan_probe.py ENDPOINT URL|FILE`; prints what it took as JSON."""

import json
import re
import sys
import time
from pathlib import Path

import botocore.session
from dropcut.core.photo_source import PhotoSource, sources_to_json

from dropcut_cli.backfill_photos import find_photos, planned
from dropcut_cli.deployment import Deployment, new_session

SETTINGS = {
    "INPUTS": sources_to_json([PhotoSource(bucket="photos")]),
    "RENDITION_NAMES": '[["full"]]',
    "MAX_PHOTO_MIB": "50",
    "CREDITS_PER_IMAGE": "2",
    "RATE_LIMIT_REQUESTS": "150",
    "RATE_LIMIT_SECONDS": "10",
    "DAILY_CREDIT_LIMIT": "20000",
    "PROVIDER": "ezlink",
}


def main() -> None:
    endpoint, photos = sys.argv[1:]
    Deployment.setting = lambda _self, _queue, name: SETTINGS[name]  # type: ignore[method-assign, assignment]
    outputs = {"InputBucketName": "photos", "IntakeQueueUrl": "-", "StateTableName": "state", "WorkBucketName": "work"}
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    session = new_session(botocore.session.Session(), region_name="us-east-1", **keys)
    deployment = Deployment(
        stage="bench", session=session, known_outputs=outputs, client_options={"endpoint_url": endpoint}
    )
    began = time.monotonic()
    where = (photos, None) if photos.startswith("s3://") else (None, photos)
    plan = planned(deployment, find_photos(deployment, *where), None)
    seconds = time.monotonic() - began
    high_water = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert high_water
    took = {"seconds": seconds, "processor": time.process_time(), "mib": int(high_water[1]) / 1024}
    print(json.dumps({**took, "objects": plan["objects"], "done": plan["done"]}))


if __name__ == "__main__":
    main()
