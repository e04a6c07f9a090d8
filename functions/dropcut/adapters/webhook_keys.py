"""The keys that webhooks are signed with: from Secrets Manager, cached for minutes."""

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from dropcut.adapters.api_key import CACHE_SECONDS
from dropcut.core.webhook import SigningKey, WebhookSecretError, read_keys

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class WebhookKeys:
    def __init__(self, client: "SecretsManagerClient", secret_name: str) -> None:
        self._provider = SecretsProvider(boto3_client=client)
        self._secret_name = secret_name

    def current(self) -> tuple[SigningKey, ...]:
        """The current key, and the one before while it is rotated; at most five minutes old.

        Only usable keys are remembered: a secret that has just been put right is found at the next try.

        Raises:
            WebhookSecretError: with what has to stand in the secret.
        """
        try:
            return self._read(fetch_anew=False)
        except WebhookSecretError:
            return self._read(fetch_anew=True)

    def _read(self, *, fetch_anew: bool) -> tuple[SigningKey, ...]:
        try:
            text = self._provider.get(self._secret_name, max_age=CACHE_SECONDS, force_fetch=fetch_anew)
            return read_keys(str(text or ""))
        except (GetParameterError, ClientError, ValueError) as error:
            raise WebhookSecretError(
                f"No webhook can be signed by the secret {self._secret_name}: {error}. It has to hold JSON such as "
                '{"current": "whsec_...", "previous": "whsec_..."}, each with 24 to 64 bytes in base64.'
            ) from error
