"""Feeder: sends photos that are there already to prepare, a minute's work at a time.

rule, on while a back-fill runs ─ EventBridge ─▶ feeder ─▶ [intake]
"""

from __future__ import annotations

from aws_cdk import Aws, Names
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from dropcut.core import event_names
from dropcut.core.item_kinds import BACKFILL, BACKFILLS, BUDGET, GATE, JOB
from dropcut.core.messages import LISTS
from dropcut.environment import FeederEnvironment

from dropcut_cdk.confined_function import POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.input import Input
from dropcut_cdk.permissions import allow, publish, use_state, write_state
from dropcut_cdk.prepare import Prepare
from dropcut_cdk.queues import send_to
from dropcut_cdk.sizes import Size

FEEDER_SECONDS = 50
"""Its time-out: it is over before it is woken again. A minute's photos are some hundred requests to SQS."""


class Feeder(Construct):
    """The function and the rule that wakes it. Spends nothing, and may be repeated."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        deployment: Deployment,
        *,
        prepare: Prepare,
        pictures_in: sqs.Queue,
    ) -> None:
        super().__init__(scope, construct_id)
        photos_to = prepare.queues.queue
        size = Size(timeout_seconds=FEEDER_SECONDS, memory_mb=256)
        # The rule names the function, and the function's role names the rule: one of them has to be known before.
        self.rule_name = f"{Names.unique_resource_name(self, max_length=57)}-Rule"
        self._list_photos = allow("ListPhotos", ["s3:ListBucket"], [])
        self.confined = ConfinedFunction(
            self,
            "Default",
            deployment,
            FunctionSpec(
                entry="feeder",
                description="Dropcut: feeds photos that are there already",
                size=size,
                packages=POWERTOOLS,
                environment=FeederEnvironment(
                    **deployment.known(FeederEnvironment, size),
                    intake_queue_url=photos_to.queue_url,
                    cut_queue_url=pictures_in.queue_url,
                    rule_name=self.rule_name,
                    rendition_names=prepare.rendition_names,
                ),
                permissions=self._permissions(deployment, photos_to, pictures_in),
                may_be_traced=False,
            ),
        )
        self.confined.read_keys(deployment.storage.work_bucket)
        # Off at first: the command that starts a back-fill turns it on.
        self.confined.wake_every_minute(
            self, "feeder", "Dropcut: the next photos of the back-fills", name=self.rule_name, state="DISABLED"
        )

    def take_from(self, photos: Input) -> None:
        """Let it list the photos of this bucket, too."""
        self._list_photos.add_resources(photos.taken_from.bucket_arn)

    def _permissions(
        self, deployment: Deployment, photos_to: sqs.Queue, pictures_in: sqs.Queue
    ) -> list[iam.PolicyStatement]:
        work, state = deployment.storage.work_bucket, deployment.storage.state_table
        # The day's credits are counted by the key's fingerprint; without a limit nobody asks for them.
        counted, read_key = ([BUDGET], deployment.api_key.read()) if deployment.props.daily_credit_limit else ([], [])
        rule_arn = f"arn:{Aws.PARTITION}:events:{Aws.REGION}:{Aws.ACCOUNT_ID}:rule/{self.rule_name}"
        return [
            self._list_photos,
            allow("ReadLists", ["s3:GetObject"], [work.arn_for_objects(f"{LISTS}*")]),
            allow("TellMissing", ["s3:ListBucket"], [work.bucket_arn]),
            use_state(state, "ReadState", "dynamodb:GetItem", [BACKFILLS, GATE, *counted]),
            use_state(state, "ReadMany", "dynamodb:BatchGetItem", [BACKFILL, JOB]),
            write_state(state, BACKFILL),
            send_to("SendPhotos", photos_to),
            allow("SeeWhatWaits", ["sqs:GetQueueAttributes"], [photos_to.queue_arn, pictures_in.queue_arn]),
            allow("TurnItselfOffAndOn", ["events:DisableRule", "events:EnableRule"], [rule_arn]),
            publish(event_names.BACKFILL_STARTED, event_names.BACKFILL_FINISHED),
            *read_key,
        ]
