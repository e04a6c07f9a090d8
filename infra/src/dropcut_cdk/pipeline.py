"""The pipeline, as in the diagram: inputs, prepare, cut, deliver, output bucket.

inputs ─── EventBridge ─▶ [intake] ─▶ prepare ─▶ [cut] ─▶ cut ─▶ [deliver] ─▶ deliver ─▶ output bucket
requests ─ EventBridge ──┤                                                       └─ EventBridge ─▶ [notify] ─▶ notify
feeder ──────────────────┘
"""

import json
from collections.abc import Sequence

from constructs import Construct
from dropcut.core.photo_source import PhotoSource, rendition_names_to_json, source_renditions_to_json
from dropcut.core.rendition import Rendition

from dropcut_cdk.cut import Cut
from dropcut_cdk.cutout_requests import CutoutRequests
from dropcut_cdk.deliver import Deliver
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.feeder import Feeder
from dropcut_cdk.gatekeeper import Gatekeeper
from dropcut_cdk.input import Input
from dropcut_cdk.limits import check_pattern
from dropcut_cdk.notify import Notify
from dropcut_cdk.prepare import Prepare

Stage = Prepare | Cut | Deliver | Notify
"""A queue with its dead-letter queue, and the function that works it off."""


class Pipeline(Construct):
    """The three stages with their queues, the gatekeeper, feeder and notify, and the rules that feed the queues."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment) -> None:
        super().__init__(scope, construct_id)
        self._props = deployment.props
        # From the far end: each stage needs the queue of the next one.
        self.deliver = Deliver(self, "Deliver", deployment)
        outcomes = self.deliver.queues
        self.cut = Cut(self, "Cut", deployment, outcomes_to=outcomes)
        self.prepare = Prepare(self, "Prepare", deployment, pictures_to=self.cut.queues, outcomes_to=outcomes)
        self.gatekeeper = Gatekeeper(self, "Gatekeeper", deployment, cut=self.cut, announcements_to=outcomes)
        intake = self.prepare.queues
        self.feeder = Feeder(self, "Feeder", deployment, photos_to=intake, pictures_in=self.cut.queues)
        self.notify = Notify(self, "Notify", deployment) if deployment.props.webhook_url else None
        self.requests = CutoutRequests(self, "Requests", deployment, intake=intake)
        self.stages: dict[str, Stage] = {"intake": self.prepare, "cut": self.cut, "deliver": self.deliver}
        if self.notify:
            self.stages["notify"] = self.notify
        self.constructs: list[Stage | Gatekeeper | Feeder] = [*self.stages.values(), self.gatekeeper, self.feeder]
        """Each with a function, which is its `confined`."""
        roles = (self.prepare.confined.role, self.cut.confined.role)  # the gatekeeper's would close a circle
        self.deliver.confined.set_variable("STAGE_ROLES", ",".join(role.role_id for role in roles))
        self._update_from_the_far_end()
        self._end_old_held()
        self._inputs = 0
        self._own_renditions: list[tuple[PhotoSource, Sequence[Rendition]]] = []

    def take_from(self, photos: Input) -> None:
        """Let the functions work on these photos, and send each new one to prepare."""
        self._inputs += 1
        for stage in (self.prepare, self.cut, self.deliver, self.feeder):
            stage.confined.take_from(photos)
        self._make(photos)
        self.requests.take_from(photos)
        self._feed(photos, "UploadsRule" if self._inputs == 1 else f"UploadsRule{self._inputs}")

    def _make(self, photos: Input) -> None:
        """Let the functions know the renditions that these photos alone have, if any."""
        made, others = self._props.made_of(photos.renditions), self._props.renditions_made
        if not photos.renditions or made == others:
            return
        self.deliver.check_room(photos.prefix, made)
        self._own_renditions.append((photos.source, made))
        self.deliver.confined.set_variable("INPUT_RENDITIONS", source_renditions_to_json(self._own_renditions))
        for stage in (self.prepare, self.feeder):
            names = rendition_names_to_json(others, self._own_renditions)
            stage.confined.set_variable("RENDITION_NAMES", names)

    def _update_from_the_far_end(self) -> None:
        """Deploy each function after the one that reads its messages, which may know no new field of them yet."""
        prepare, cut, deliver = (stage.confined.function for stage in (self.prepare, self.cut, self.deliver))
        cut.node.add_dependency(deliver)
        prepare.node.add_dependency(cut)

    def _feed(self, photos: Input, rule_id: str) -> None:
        """Send each new object to the intake queue, by EventBridge."""
        uploaded = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": photos.event_filter()}
        shorter = "a shorter prefix, fewer suffixes, or two inputs with some of the suffixes each"
        check_pattern(f"the input with prefix {photos.prefix!r}", uploaded, shorter=shorter)
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
