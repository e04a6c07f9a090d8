"""Gatekeeper: turns the cut stage's event source off when spending is paused, and on when it can go on."""

from constructs import Construct
from dropcut.core.item_kinds import GATE, HEALTH
from dropcut.environment import GatekeeperEnvironment

from dropcut_cdk.confined_function import POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.cut import Cut
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.permissions import allow, read_state, write_state
from dropcut_cdk.queues import CONSUME, Queues, send_to
from dropcut_cdk.sizes import size_of_cut, size_of_gatekeeper

TURN_OFF_AND_ON = ("lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping")


class Gatekeeper(Construct):
    """Woken once a minute, the finest that EventBridge has: about 43,800 short invocations a month.

    It is a function of its own because the one that spends must not be able to let itself go on.
    """

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, *, cut: Cut, announcements_to: Queues
    ) -> None:
        super().__init__(scope, construct_id)
        size, state = size_of_gatekeeper(deployment.props), deployment.storage.state_table
        source, function = cut.event_source, cut.confined.function
        spec = FunctionSpec(
            entry="gatekeeper",
            description="Dropcut: stops and resumes the spending",
            size=size,
            packages=POWERTOOLS,
            environment=deployment.environment(
                GatekeeperEnvironment,
                size,
                cut_function=function.function_name,
                cut_event_source=source.event_source_mapping_id,
                cut_timeout_seconds=size_of_cut(deployment.props).timeout_seconds,
                cut_queue_url=cut.queues.queue.queue_url,
                cut_dead_letter_queue_url=cut.queues.dead_letter_queue.queue_url,
                deliver_queue_url=announcements_to.queue.queue_url,
            ),
            permissions=[
                read_state(state, GATE, HEALTH),
                write_state(state, GATE, HEALTH),
                *deployment.api_key.read(),
                allow("TurnCutOffAndOn", TURN_OFF_AND_ON, [source.event_source_mapping_arn]),
                allow("TryOnePicture", ["lambda:InvokeFunction"], [function.function_arn]),
                allow("TakeOnePicture", CONSUME, [cut.queues.queue.queue_arn]),
                send_to("Announce", announcements_to.queue, cut.queues.dead_letter_queue),
            ],
            may_be_traced=False,
        )
        self.confined = ConfinedFunction(self, "Default", deployment, spec)
        self.confined.wake_every_minute("gatekeeper", "Dropcut: Is there anything to be done at the gate?")
