"""A photo that lies in the input bucket, and its record."""

from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.core.messages import Ended, OutcomeMessage, Upload
from dropcut.core.quality import Quality
from dropcut.core.review import Held

from dropcut_cli.deployment import Deployment
from tests.functions.cloud import INPUT
from tests.functions.records import ANSWER

NOW = 1_722_081_600.0


def photo(deployment: Deployment, name: str, state: str, *, bucket: str = INPUT) -> Upload:
    """A photo that lies in the input bucket, and its record."""
    deployment.client("s3").put_object(Bucket=bucket, Key=name, Body=b"photo")
    upload = Upload(bucket=bucket, key=name, sequencer="01")
    jobs, outcome = JobRecords(table=deployment.table), OutcomeMessage(upload=upload, outcome=ANSWER)
    jobs.begin(upload, now=NOW)
    if state == "delivered":
        jobs.delivered(outcome, output_keys=["a.png"], now=NOW)
    elif state == "held":
        held = Held(outcome=outcome, files=[], renditions="[]", note="", quality=Quality(score=0.1, doubts=()))
        HeldRecords(table=deployment.table).hold(held, now=NOW)
    elif state == "rejected":
        jobs.ended(upload, Ended(kind="rejected", code="c", reason="r"), now=NOW)
    return upload
