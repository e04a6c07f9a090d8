"""Feeder: sends photos that are there already to prepare, a minute's work at a time.

rule, on while a back-fill runs ─ EventBridge ─▶ feeder ─▶ [intake]
"""

from aws_cdk import Aws, Names
from constructs import Construct
from dropcut.core import event_names
from dropcut.core.item_kinds import BACKFILL, BACKFILLS, BUDGET, GATE, JOB
from dropcut.core.messages import LISTS
from dropcut.environment import FeederEnvironment

from dropcut_cdk.confined_function import POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.permissions import allow, publish, use_state, write_state
from dropcut_cdk.queues import Queues, send_to
from dropcut_cdk.sizes import Size

FEEDER_SECONDS = 50
"""Its time-out: it is over before it is woken again. A minute's photos are some hundred requests to SQS."""


class Feeder(Construct):
    """The function and the rule that wakes it. Spends nothing, and may be repeated."""

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, *, photos_to: Queues, pictures_in: Queues
    ) -> None:
        super().__init__(scope, construct_id)
        size = Size(timeout_seconds=FEEDER_SECONDS, memory_mb=256)
        work, state = deployment.storage.work_bucket, deployment.storage.state_table
        intake, cut = photos_to.queue, pictures_in.queue
        # The rule names the function, and the function's role names the rule: one of them has to be known before.
        self.rule_name = f"{Names.unique_resource_name(self, max_length=57)}-Rule"
        rule_arn = f"arn:{Aws.PARTITION}:events:{Aws.REGION}:{Aws.ACCOUNT_ID}:rule/{self.rule_name}"
        # The day's credits are counted by the key's fingerprint; without a limit nobody asks for them.
        counted, read_key = ([BUDGET], deployment.api_key.read()) if deployment.props.daily_credit_limit else ([], [])
        spec = FunctionSpec(
            entry="feeder",
            description="Dropcut: feeds photos that are there already",
            size=size,
            packages=POWERTOOLS,
            environment=deployment.environment(
                FeederEnvironment,
                size,
                intake_queue_url=intake.queue_url,
                cut_queue_url=cut.queue_url,
                rule_name=self.rule_name,
            ),
            permissions=[
                allow("ReadLists", ["s3:GetObject"], [work.arn_for_objects(f"{LISTS}*")]),
                allow("TellMissing", ["s3:ListBucket"], [work.bucket_arn]),
                use_state(state, "ReadState", "dynamodb:GetItem", [BACKFILLS, GATE, *counted]),
                use_state(state, "ReadMany", "dynamodb:BatchGetItem", [BACKFILL, JOB]),
                write_state(state, BACKFILL),
                send_to("SendPhotos", intake),
                allow("SeeWhatWaits", ["sqs:GetQueueAttributes"], [intake.queue_arn, cut.queue_arn]),
                allow("TurnItselfOffAndOn", ["events:DisableRule", "events:EnableRule"], [rule_arn]),
                publish(event_names.BACKFILL_STARTED, event_names.BACKFILL_FINISHED),
                *read_key,
            ],
            may_be_traced=False,
        )
        self.confined = ConfinedFunction(self, "Default", deployment, spec)
        self.confined.read_keys(work)
        # Off at first: the command that starts a back-fill turns it on.
        self.confined.wake_every_minute(
            "feeder", "Dropcut: the next photos of the back-fills", name=self.rule_name, state="DISABLED"
        )
