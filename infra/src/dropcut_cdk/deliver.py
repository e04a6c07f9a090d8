"""Deliver: makes the renditions, brings them to their place, tags the photo, publishes what became of it."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct
from dropcut.core.item_kinds import HELD_INDEX, JOB
from dropcut.core.messages import PAID
from dropcut.core.rendition import Rendition
from dropcut.core.review import HELD_FOLDER
from dropcut.core.webhook import EVENTS
from dropcut.environment import DeliverEnvironment

from dropcut_cdk.confined_function import DECODING, POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.kinds import SettingsError
from dropcut_cdk.permissions import allow, publish, read_state, write_state
from dropcut_cdk.queues import Queues
from dropcut_cdk.sizes import PHOTOS_AT_ONCE, largest, size_of_deliver


class Deliver(Construct):
    """The deliver queue and its function. Spends nothing, and may be repeated."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment) -> None:
        super().__init__(scope, construct_id)
        self._props = props = deployment.props
        asked = [props.renditions, *(photos.renditions for photos in props.inputs if photos.renditions)]
        self._size = size = largest(size_of_deliver(props, props.made_of(each)) for each in asked)
        self.queues = Queues(self, "Queues", size)
        spec = FunctionSpec(
            entry="deliver",
            description="Dropcut: makes the renditions, tags the photo, publishes the event",
            size=size,
            packages=(*POWERTOOLS, *DECODING),
            environment=deployment.environment(DeliverEnvironment, size, self.queues),
            photo_actions=("GetObject", "GetObjectTagging", "PutObjectTagging"),
            permissions=_permissions(deployment),
        )
        self.confined = ConfinedFunction(self, "Default", deployment, spec)
        self.confined.use_keys(deployment.storage.work_bucket, deployment.storage.output_bucket)
        # As many as are worked on at once: one that had to wait its turn could run out of time before it came.
        self.event_source = self.confined.consume(self.queues, at_once=props.imaging_concurrency, batch=PHOTOS_AT_ONCE)

    def check_room(self, prefix: str, made: Sequence[Rendition]) -> None:
        """Raises SettingsError: the renditions of the input with this prefix need more than the function has."""
        if largest([self._size, size_of_deliver(self._props, made)]) != self._size:
            raise SettingsError(
                f"The renditions of the input with prefix {prefix!r} need more time or disk than deliver has. "
                "Allowed: the same input among the argument `inputs`, by which deliver is sized, or fewer renditions."
            )


def _permissions(deployment: Deployment) -> list[iam.PolicyStatement]:
    storage = deployment.storage
    work, state, output = storage.work_bucket, storage.state_table, storage.output_bucket
    return [
        allow("ReadPaid", ["s3:GetObject"], [work.arn_for_objects(f"{PAID}*")]),
        allow("FindMissing", ["s3:ListBucket"], [work.bucket_arn]),
        allow("WriteCutouts", ["s3:PutObject", "s3:GetObject"], [output.arn_for_objects("*")]),
        allow("FindFree", ["s3:ListBucket"], [output.bucket_arn]),
        allow("RemoveHeld", ["s3:DeleteObject"], [output.arn_for_objects(f"{HELD_FOLDER}*")]),
        allow("FindOldHeld", ["dynamodb:Query"], [f"{state.table_arn}/index/{HELD_INDEX}"]),
        read_state(state, JOB),
        write_state(state, JOB),
        publish(*EVENTS.values()),
    ]
