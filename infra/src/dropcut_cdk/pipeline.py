"""The pipeline, as in the diagram: inputs, prepare, cut, deliver, output bucket.

inputs ─── EventBridge ─▶ [intake] ─▶ prepare ─▶ [cut] ─▶ cut ─▶ [deliver] ─▶ deliver ─▶ output bucket
requests ─ EventBridge ──┤                                                       └─ EventBridge ─▶ [notify] ─▶ notify
feeder ──────────────────┘
"""

from __future__ import annotations

import json

from constructs import Construct
from dropcut.core.photo_source import sources_to_json

from dropcut_cdk.cut import Cut
from dropcut_cdk.cutout_requests import CutoutRequests
from dropcut_cdk.deliver import Deliver
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.feeder import Feeder
from dropcut_cdk.gatekeeper import Gatekeeper
from dropcut_cdk.input import Input
from dropcut_cdk.notify import Notify
from dropcut_cdk.prepare import Prepare


class Pipeline(Construct):
    """The three stages with their queues, the gatekeeper, feeder and notify, and the rules that feed the queues."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment) -> None:
        super().__init__(scope, construct_id)
        # From the far end: each stage needs the queue of the next one.
        self.deliver = Deliver(self, "Deliver", deployment)
        outcomes = self.deliver.queues.queue
        self.cut = Cut(self, "Cut", deployment, outcomes_to=outcomes)
        self.prepare = Prepare(self, "Prepare", deployment, pictures_to=self.cut.queues.queue, outcomes_to=outcomes)
        self.gatekeeper = Gatekeeper(self, "Gatekeeper", deployment, cut=self.cut, announcements_to=outcomes)
        self.feeder = Feeder(self, "Feeder", deployment, prepare=self.prepare, pictures_in=self.cut.queues.queue)
        self.notify = Notify(self, "Notify", deployment) if deployment.props.webhook_url else None
        self.requests = CutoutRequests(self, "Requests", deployment, intake=self.prepare.queues)
        roles = (self.prepare.confined.role, self.cut.confined.role)  # the gatekeeper's would close a circle
        self.deliver.confined.set_variable("STAGE_ROLES", ",".join(role.role_id for role in roles))
        self._update_from_the_far_end()
        self._end_old_held()
        self._inputs: list[Input] = []

    def take_from(self, photos: Input) -> None:
        """Let the functions work on these photos, and send each new one to prepare."""
        self._inputs.append(photos)
        for stage in (self.prepare, self.cut, self.deliver, self.feeder):
            stage.take_from(photos)
            stage.confined.set_variable("INPUTS", sources_to_json(each.source for each in self._inputs))
        self.feeder.confined.set_variable("RENDITION_NAMES", self.prepare.rendition_names)
        self.requests.take_from(photos)
        self._feed(photos, "UploadsRule" if len(self._inputs) == 1 else f"UploadsRule{len(self._inputs)}")

    def _update_from_the_far_end(self) -> None:
        """Deploy each function after the one that reads its messages, which may know no new field of them yet."""
        prepare, cut, deliver = (stage.confined.function for stage in (self.prepare, self.cut, self.deliver))
        cut.node.add_dependency(deliver)
        prepare.node.add_dependency(cut)

    def _feed(self, photos: Input, rule_id: str) -> None:
        """Send each new object to the intake queue, by EventBridge."""
        uploaded = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": photos.event_filter()}
        self.prepare.queues.rule(
            self, rule_id, target="intake", description="Dropcut: new photos go to prepare", event_pattern=uploaded
        )

    def _end_old_held(self) -> None:
        """Ask deliver once an hour to end what waits for a decision for too long.

        Also without `hold_doubtful`: some may be held since before.
        """
        self.deliver.queues.rule(
            self,
            "HeldRule",
            target="deliver",
            text=json.dumps({"end_old_held": {}}),
            description="Dropcut: does any cut-out wait for a decision for too long?",
            schedule_expression="rate(1 hour)",
        )
