"""What all three stages have, for whoever watches them."""

from typing import Protocol

from aws_cdk import aws_lambda as lambda_
from constructs import Node

from dropcut_cdk.confined_function import ConfinedFunction
from dropcut_cdk.queues import Queues


class Stage(Protocol):
    """A queue with its dead-letter queue, and the function that works it off."""

    queues: Queues
    confined: ConfinedFunction
    event_source: lambda_.EventSourceMapping

    @property
    def node(self) -> Node: ...
