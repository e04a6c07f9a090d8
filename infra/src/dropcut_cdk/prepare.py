"""Prepare: recognises the event, decides whether there is work, makes the picture fit the API's rules."""

from constructs import Construct
from dropcut.core.item_kinds import JOB
from dropcut.core.messages import PREPARED
from dropcut.environment import PrepareEnvironment

from dropcut_cdk.confined_function import DECODING, POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.permissions import allow, read_state, write_state
from dropcut_cdk.queues import Queues, send_to
from dropcut_cdk.sizes import PHOTOS_AT_ONCE, size_of_prepare


class Prepare(Construct):
    """The intake queue and its function. Spends nothing, and may be repeated."""

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, *, pictures_to: Queues, outcomes_to: Queues
    ) -> None:
        super().__init__(scope, construct_id)
        props, storage, size = deployment.props, deployment.storage, size_of_prepare(deployment.props)
        self.queues = Queues(self, "Queues", size)
        spec = FunctionSpec(
            entry="prepare",
            description="Dropcut: decides whether there is work, and makes the picture fit the API's rules",
            size=size,
            packages=(*POWERTOOLS, *DECODING),
            environment=deployment.environment(
                PrepareEnvironment,
                size,
                self.queues,
                cut_queue_url=pictures_to.queue.queue_url,
                deliver_queue_url=outcomes_to.queue.queue_url,
            ),
            photo_actions=("GetObject", "GetObjectTagging"),
            permissions=[
                allow("StorePrepared", ["s3:PutObject"], [storage.work_bucket.arn_for_objects(f"{PREPARED}*")]),
                read_state(storage.state_table, JOB),
                write_state(storage.state_table, JOB),
                send_to("SendPictures", pictures_to.queue),
                send_to("SendOutcomes", outcomes_to.queue),
            ],
        )
        self.confined = ConfinedFunction(self, "Default", deployment, spec)
        self.confined.use_keys(storage.work_bucket)
        # Two photos to a batch: one that had to wait for others would use up a receive.
        self.event_source = self.confined.consume(self.queues, at_once=props.imaging_concurrency, batch=PHOTOS_AT_ONCE)
