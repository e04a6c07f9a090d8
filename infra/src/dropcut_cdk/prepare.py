"""Prepare: recognises the event, decides whether there is work, makes the picture fit the API's rules."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_sqs as sqs
from constructs import Construct
from dropcut.core.item_kinds import JOB
from dropcut.core.messages import PREPARED
from dropcut.core.photo_source import PhotoSource, rendition_names_to_json
from dropcut.core.rendition import Rendition
from dropcut.environment import PrepareEnvironment

from dropcut_cdk.confined_function import DECODING, POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.input import Input
from dropcut_cdk.permissions import allow, of_photos, read_state, write_state
from dropcut_cdk.queues import MOST_RECEIVES, Queues, send_to
from dropcut_cdk.sizes import PHOTOS_AT_ONCE, size_of_prepare


class Prepare(Construct):
    """The intake queue and its function. Spends nothing, and may be repeated."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        deployment: Deployment,
        *,
        pictures_to: sqs.Queue,
        outcomes_to: sqs.Queue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._props = deployment.props
        self._own_renditions: list[tuple[PhotoSource, Sequence[Rendition]]] = []
        props, storage, size = deployment.props, deployment.storage, size_of_prepare(deployment.props)
        self._read_photos = allow("ReadPhotos", of_photos("GetObject", "GetObjectTagging"), [])
        self._find_vanished = allow("FindVanished", ["s3:ListBucket"], [])
        self.queues = Queues(self, "Queues", function_seconds=size.timeout_seconds, max_receive_count=MOST_RECEIVES)
        self.confined = ConfinedFunction(
            self,
            "Default",
            deployment,
            FunctionSpec(
                entry="prepare",
                description="Dropcut: decides whether there is work, and makes the picture fit the API's rules",
                size=size,
                packages=(*POWERTOOLS, *DECODING),
                environment=PrepareEnvironment(
                    **deployment.known(PrepareEnvironment, size, self.queues),
                    rendition_names=self.rendition_names,
                    cut_queue_url=pictures_to.queue_url,
                    deliver_queue_url=outcomes_to.queue_url,
                ),
                permissions=[
                    self._read_photos,
                    self._find_vanished,
                    allow("StorePrepared", ["s3:PutObject"], [storage.work_bucket.arn_for_objects(f"{PREPARED}*")]),
                    read_state(storage.state_table, JOB),
                    write_state(storage.state_table, JOB),
                    send_to("SendPictures", pictures_to),
                    *self.queues.permissions(),
                    send_to("SendOutcomes", outcomes_to),
                ],
            ),
        )
        self.confined.use_keys(storage.work_bucket)
        # Two photos to a batch: one that had to wait for others would use up a receive.
        self.event_source = self.queues.feed(
            self, self.confined.function, max_concurrency=props.imaging_concurrency, batch_size=PHOTOS_AT_ONCE
        )

    @property
    def rendition_names(self) -> str:
        """Those of each photo, as the functions read them."""
        return rendition_names_to_json(self._props.renditions_made, self._own_renditions)

    def take_from(self, photos: Input) -> None:
        """Let it read these photos, too."""
        if photos.renditions:
            self._own_renditions.append((photos.source, self._props.made_of(photos.renditions)))
            self.confined.set_variable("RENDITION_NAMES", self.rendition_names)
        self.confined.read_keys(photos.taken_from)
        self._read_photos.add_resources(photos.taken_from.arn_for_objects(f"{photos.prefix}*"))
        self._find_vanished.add_resources(photos.taken_from.bucket_arn)
