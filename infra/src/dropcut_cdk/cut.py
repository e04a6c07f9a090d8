"""Cut: makes the one paid call, within the pace and the budget, and stores the answer before anything else."""

from aws_cdk import aws_iam as iam
from constructs import Construct
from dropcut.core.item_kinds import BUDGET, GATE, HEALTH, JOB, PACE, PAYMENT
from dropcut.core.messages import PAID, PREPARED
from dropcut.environment import CutEnvironment

from dropcut_cdk.confined_function import CALLING, POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.permissions import allow, use_state, write_state
from dropcut_cdk.queues import SQS_MOST_RECEIVES, Queues, send_to
from dropcut_cdk.sizes import size_of_cut

GIVE_MEMORY_BACK = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024)}
"""Read by glibc. By itself it learns from the first picture freed to keep the next ones, and each thread keeps its own.
A batch of ten of the largest then took 512 MiB instead of 318 (`python -m bench memory`)."""


class Cut(Construct):
    """The cut queue and the function that spends money, which does nothing else."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment, *, outcomes_to: Queues) -> None:
        super().__init__(scope, construct_id)
        size = size_of_cut(deployment.props)
        self.queues = Queues(self, "Queues", size, receives=SQS_MOST_RECEIVES)
        spec = FunctionSpec(
            entry="cut",
            description="Dropcut: makes the paid call, and stores the answer",
            size=size,
            packages=(*POWERTOOLS, *CALLING),
            environment=deployment.environment(
                CutEnvironment, size, self.queues, deliver_queue_url=outcomes_to.queue.queue_url
            ),
            permissions=[*_permissions(deployment), send_to("SendOutcomes", outcomes_to.queue)],
            variables=GIVE_MEMORY_BACK,
        )
        self.confined = ConfinedFunction(self, "Default", deployment, spec)
        self.confined.use_keys(deployment.storage.work_bucket)
        # Without a batching window: it would save next to nothing, and each photo would wait (docs/benchmarks.md).
        self.event_source = self.confined.consume(self.queues, at_once=deployment.props.max_concurrency)


def _permissions(deployment: Deployment) -> list[iam.PolicyStatement]:
    work, state = deployment.storage.work_bucket, deployment.storage.state_table
    prepared, paid = work.arn_for_objects(f"{PREPARED}*"), work.arn_for_objects(f"{PAID}*")
    shared = deployment.props.pace_table
    return [
        allow("ReadPictures", ["s3:GetObject"], [prepared, paid]),
        allow("StorePaid", ["s3:PutObject"], [paid]),
        allow("RemovePrepared", ["s3:DeleteObject"], [prepared]),
        allow("FindMissing", ["s3:ListBucket"], [work.bucket_arn]),
        *deployment.api_key.read(),
        use_state(state, "ReadState", "dynamodb:BatchGetItem", [JOB, GATE, HEALTH]),
        # An update changes the role first: until the function is updated, too, the one before reads one by one.
        use_state(state, "ReadStateOneByOne", "dynamodb:GetItem", [JOB, GATE]),
        write_state(state, JOB, PAYMENT, PACE, BUDGET, HEALTH, GATE),
        # For stacks that share a key: the pace, and nothing else, of another stack's table.
        *([use_state(shared, "SharePace", "dynamodb:UpdateItem", [PACE])] if shared else []),
    ]
