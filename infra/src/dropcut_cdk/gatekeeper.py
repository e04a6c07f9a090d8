"""Gatekeeper: turns the cut stage's event source off when spending is paused, and on when it can go on."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from dropcut.core.item_kinds import GATE, HEALTH
from dropcut.environment import GatekeeperEnvironment

from dropcut_cdk.confined_function import POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.cut import Cut
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.permissions import allow, read_state, write_state
from dropcut_cdk.queues import CONSUME, send_to
from dropcut_cdk.sizes import size_of_cut, size_of_gatekeeper


class Gatekeeper(Construct):
    """Woken once a minute, the finest that EventBridge has: about 43,800 short invocations a month.

    It is a function of its own because the one that spends must not be able to let itself go on.
    """

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, *, cut: Cut, announcements_to: sqs.Queue
    ) -> None:
        super().__init__(scope, construct_id)
        size = size_of_gatekeeper(deployment.props)
        self.confined = ConfinedFunction(
            self,
            "Default",
            deployment,
            FunctionSpec(
                entry="gatekeeper",
                description="Dropcut: stops and resumes the spending",
                size=size,
                packages=POWERTOOLS,
                environment=GatekeeperEnvironment(
                    **deployment.known(GatekeeperEnvironment, size),
                    cut_function=cut.confined.function.function_name,
                    cut_event_source=cut.event_source.event_source_mapping_id,
                    cut_timeout_seconds=size_of_cut(deployment.props).timeout_seconds,
                    cut_queue_url=cut.queues.queue.queue_url,
                    cut_dead_letter_queue_url=cut.queues.dead_letter_queue.queue_url,
                    deliver_queue_url=announcements_to.queue_url,
                ),
                permissions=self._permissions(deployment, cut, announcements_to),
                may_be_traced=False,
            ),
        )
        self.confined.wake_every_minute(self, "gatekeeper", "Dropcut: Is there anything to be done at the gate?")

    def _permissions(self, deployment: Deployment, cut: Cut, announcements_to: sqs.Queue) -> list[iam.PolicyStatement]:
        state = deployment.storage.state_table
        return [
            read_state(state, GATE, HEALTH),
            write_state(state, GATE, HEALTH),
            *deployment.api_key.read(),
            allow(
                "TurnCutOffAndOn",
                ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"],
                [cut.event_source.event_source_mapping_arn],
            ),
            allow("TryOnePicture", ["lambda:InvokeFunction"], [cut.confined.function.function_arn]),
            allow("TakeOnePicture", CONSUME, [cut.queues.queue.queue_arn]),
            send_to("Announce", announcements_to, cut.queues.dead_letter_queue),
        ]
