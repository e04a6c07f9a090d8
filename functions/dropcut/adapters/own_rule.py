"""The EventBridge rule that wakes the feeder."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient


class OwnRule:
    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name

    def turn_on(self) -> None:
        self._client.enable_rule(Name=self._name)

    def turn_off(self) -> None:
        self._client.disable_rule(Name=self._name)
