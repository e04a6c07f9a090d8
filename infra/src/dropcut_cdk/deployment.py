"""What the functions of one deployment have in common; each construct is given it as a whole."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_s3 as s3

from dropcut_cdk.api_key import ApiKey
from dropcut_cdk.props import DropcutProps
from dropcut_cdk.queues import Queues
from dropcut_cdk.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Deployment:
    name: str
    """Of its secret, its dashboard and its metrics' dimension."""
    props: DropcutProps
    storage: Storage
    api_key: ApiKey

    @property
    def output_bucket(self) -> s3.IBucket:
        return self.storage.output_bucket

    def of_stage(self, own: Queues, function_seconds: int) -> dict[str, Any]:
        """What every stage is told, by the names in `StageEnvironment`."""
        return {
            "state_table": self.storage.state_table.table_name,
            "function_seconds": function_seconds,
            "account_id": Aws.ACCOUNT_ID,
            "inputs": "[]",  # told when an input is taken
            "work_bucket": self.storage.work_bucket.bucket_name,
            "queue_url": own.queue.queue_url,
            "dead_letter_queue_url": own.dead_letter_queue.queue_url,
        }
