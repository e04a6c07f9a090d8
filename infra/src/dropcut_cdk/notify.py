"""Notify: sends events as signed webhooks. There is none of this without `webhook_url`.

rule ─ EventBridge ─▶ [notify] ─▶ notify ─▶ the receiver
"""

import string

from aws_cdk import Aws
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct
from dropcut.core import event_names
from dropcut.core.item_kinds import WEBHOOK
from dropcut.core.webhook import EVENTS
from dropcut.environment import RESOLVER_OPTIONS, NotifyEnvironment, notify_function_seconds

from dropcut_cdk.confined_function import POWERTOOLS, ConfinedFunction, FunctionSpec
from dropcut_cdk.deployment import Deployment
from dropcut_cdk.permissions import allow, publish, read_state, write_state
from dropcut_cdk.queues import Queues
from dropcut_cdk.sizes import Size

AT_ONCE = 2
"""Invocations, with ten webhooks each; the least that an event source allows."""
SECRET_LETTERS = 44
"""A multiple of four letters and digits is base64 as it stands, here of 33 bytes."""


class Notify(Construct):
    """The notify queue and its function, the rule that feeds it, and the secret with the keys that sign."""

    def __init__(self, scope: Construct, construct_id: str, deployment: Deployment) -> None:
        super().__init__(scope, construct_id)
        size, state = Size(timeout_seconds=notify_function_seconds(), memory_mb=256), deployment.storage.state_table
        self.secret = self._secret(deployment.name)
        resource = self.secret.node.default_child
        assert isinstance(resource, secretsmanager.CfnSecret)
        self.secret_arn = resource.attr_id  # an ARN on the embedded AWS, too, where its `Ref` is a name
        self.queues = Queues(self, "Queues", size)
        spec = FunctionSpec(
            entry="notify",
            description="Dropcut: sends events as signed webhooks",
            size=size,
            packages=POWERTOOLS,
            environment=deployment.environment(NotifyEnvironment, size, self.queues, webhook_secret=self.secret_arn),
            permissions=[
                allow("ReadKeys", ["secretsmanager:GetSecretValue"], [self.secret_arn]),
                read_state(state, WEBHOOK),
                write_state(state, WEBHOOK),
                publish(event_names.WEBHOOK_DISABLED),
            ],
            variables={"RES_OPTIONS": RESOLVER_OPTIONS},
        )
        self.confined = ConfinedFunction(self, "Default", deployment, spec)
        self.event_source = self.confined.consume(self.queues, at_once=AT_ONCE)
        chosen = {
            "source": [event_names.SOURCE],
            "account": [Aws.ACCOUNT_ID],  # another account's events are not ours
            "detail-type": [EVENTS[kind] for kind in deployment.props.webhook_events],
            "detail": {"service": [deployment.name]},
        }
        about = "Events go to notify, to be sent as webhooks"
        self.queues.rule(self, "EventsRule", target="notify", description=about, event_pattern=chosen)

    def _secret(self, name: str) -> secretsmanager.Secret:
        """Made once, with a key that can be used as it is; no deployment changes it after that."""
        return secretsmanager.Secret(
            self,
            "Secret",
            description=f'Keys that sign the webhooks of Dropcut ({name}): {{"current": "...", "previous": "..."}}',
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - the key is generated
                generate_string_key="current",
                password_length=SECRET_LETTERS,
                exclude_punctuation=True,
                exclude_characters=string.punctuation,  # the embedded AWS knows this one alone
            ),
        )
