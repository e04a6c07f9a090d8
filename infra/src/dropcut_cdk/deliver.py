"""Deliver: makes the renditions, brings them to their place, tags the photo, publishes what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct
from dropcut.core.item_kinds import HELD_INDEX, JOB
from dropcut.core.messages import PAID
from dropcut.core.photo_source import PhotoSource, source_renditions_to_json
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import renditions_to_json
from dropcut.core.review import HELD
from dropcut.core.webhook import EVENTS
from dropcut.environment import DeliverEnvironment

from dropcut_cdk.confined_function import DECODING, POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.input import Input
from dropcut_cdk.kinds import SettingsError
from dropcut_cdk.permissions import allow, of_photos, publish, read_state, write_state
from dropcut_cdk.queues import MOST_RECEIVES, Queues
from dropcut_cdk.sizes import PHOTOS_AT_ONCE, largest, size_of_deliver


class Deliver(Construct):
    """The deliver queue and its function. Spends nothing, and may be repeated."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment) -> None:
        super().__init__(scope, construct_id)
        props = deployment.props
        self._props = props
        self._own_renditions: list[tuple[PhotoSource, Sequence[Rendition]]] = []
        each_made = [
            props.renditions_made,
            *(props.made_of(each.renditions) for each in props.inputs if each.renditions),
        ]
        self._size = size = largest(size_of_deliver(props, made) for made in each_made)
        self._read_and_tag_photos = allow(
            "ReadAndTagPhotos", of_photos("GetObject", "GetObjectTagging", "PutObjectTagging"), []
        )
        self._find_vanished = allow("FindVanished", ["s3:ListBucket"], [])
        self.queues = Queues(self, "Queues", function_seconds=size.timeout_seconds, max_receive_count=MOST_RECEIVES)
        self.confined = ConfinedFunction(
            self,
            "Default",
            deployment,
            FunctionSpec(
                entry="deliver",
                description="Dropcut: makes the renditions, tags the photo, publishes the event",
                size=size,
                packages=(*POWERTOOLS, *DECODING),
                environment=DeliverEnvironment(
                    **deployment.known(DeliverEnvironment, size, self.queues)
                    | {"renditions": renditions_to_json(props.renditions_made)},
                    input_renditions="[]",  # set by take_from
                    stage_roles="",  # set by the pipeline
                ),
                permissions=[*self._permissions(deployment), *self.queues.permissions()],
            ),
        )
        self.confined.use_keys(deployment.storage.work_bucket, deployment.storage.output_bucket)
        # As many as are worked on at once: one that had to wait its turn could run out of time before it came.
        self.event_source = self.queues.feed(
            self, self.confined.function, max_concurrency=props.imaging_concurrency, batch_size=PHOTOS_AT_ONCE
        )

    def take_from(self, photos: Input) -> None:
        """Let it read these photos, and tag them."""
        self._make_own_renditions(photos)
        self.confined.read_keys(photos.taken_from)
        self._read_and_tag_photos.add_resources(photos.taken_from.arn_for_objects(f"{photos.prefix}*"))
        self._find_vanished.add_resources(photos.taken_from.bucket_arn)

    def _make_own_renditions(self, photos: Input) -> None:
        """Raises SettingsError: they need more than the function has."""
        made = self._props.made_of(photos.renditions)
        if not photos.renditions or made == self._props.renditions_made:
            return
        needed = size_of_deliver(self._props, made)
        if largest([self._size, needed]) != self._size:
            raise SettingsError(
                f"The renditions of the input with prefix {photos.prefix!r} need more time or disk than deliver has. "
                "Allowed: the same input among the argument `inputs`, by which deliver is sized, or fewer renditions."
            )
        self._own_renditions.append((photos.source, made))
        self.confined.set_variable("INPUT_RENDITIONS", source_renditions_to_json(self._own_renditions))

    def _permissions(self, deployment: Deployment) -> list[iam.PolicyStatement]:
        storage, output = deployment.storage, deployment.storage.output_bucket
        return [
            allow("ReadPaid", ["s3:GetObject"], [storage.work_bucket.arn_for_objects(f"{PAID}*")]),
            allow("FindMissing", ["s3:ListBucket"], [storage.work_bucket.bucket_arn]),
            allow("WriteCutouts", ["s3:PutObject", "s3:GetObject"], [output.arn_for_objects("*")]),
            allow("FindFree", ["s3:ListBucket"], [output.bucket_arn]),
            self._read_and_tag_photos,
            self._find_vanished,
            read_state(storage.state_table, JOB),
            write_state(storage.state_table, JOB),
            allow("RemoveHeld", ["s3:DeleteObject"], [output.arn_for_objects(f"{HELD}*")]),
            allow("FindOldHeld", ["dynamodb:Query"], [f"{storage.state_table.table_arn}/index/{HELD_INDEX}"]),
            publish(*EVENTS.values()),
        ]
