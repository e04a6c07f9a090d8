"""Whether webhooks are sent at all: a receiver that answers 410 turns them off, and a redriven one turns them on."""

from dataclasses import dataclass

from dropcut.core.events import WebhookDisabled

OFF = "webhook_off"
"""Code of what is not sent since then."""
TURNED_OFF = (
    "The receiver at {host} answered 410: it wants no more webhooks. They are dead-lettered from now on. Redrive them "
    "once it takes them again: its first good answer turns them on. Or take `webhook_url` out of the deployment."
)


@dataclass(frozen=True, kw_only=True)
class Switch:
    receiver: str = ""
    """Fingerprint of the one that turned them off."""
    off_since: float = 0.0
    """Epoch seconds."""
    announced: bool = False

    def is_off_for(self, fingerprint: str) -> bool:
        """Another receiver's 410 is nothing to this one."""
        return bool(self.off_since) and self.receiver == fingerprint

    @property
    def occasion(self) -> str:
        """Distinguishes one time that they were turned off from another."""
        return f"{self.receiver}-{self.off_since}"


def disabled(host: str) -> WebhookDisabled:
    return WebhookDisabled(code=OFF, reason=TURNED_OFF.format(host=host), host=host)
