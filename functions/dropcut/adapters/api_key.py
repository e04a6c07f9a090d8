"""The API key: from Secrets Manager, cached for minutes, fetched again when the API refuses it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from dropcut.core.api_key_text import fingerprint, is_usable, key_in

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 300


class ApiKeyMissingError(LookupError):
    """The secret cannot be read, or holds no key."""


@dataclass(frozen=True)
class ApiKey:
    value: str

    @cached_property
    def fingerprint(self) -> str:
        """Names the key in the state table and in logs without giving it away."""
        return fingerprint(self.value)

    def __repr__(self) -> str:
        return f"ApiKey({self.fingerprint})"


class ApiKeys:
    def __init__(self, client: "SecretsManagerClient", secret_name: str) -> None:
        self._provider = SecretsProvider(boto3_client=client)
        self._secret_name = secret_name

    def current(self, *, fetch_anew: bool = False) -> ApiKey:
        """The key, at most five minutes old; straight from the secret with `fetch_anew`.

        Only a usable key is remembered: one that has just been put right is found at the next try, not minutes later.

        Raises:
            ApiKeyMissingError: with the command that puts a key in.
        """
        try:
            return self._read(fetch_anew=fetch_anew)
        except ApiKeyMissingError:
            if fetch_anew:
                raise
            return self._read(fetch_anew=True)

    def _read(self, *, fetch_anew: bool) -> ApiKey:
        try:
            text = self._provider.get(self._secret_name, max_age=CACHE_SECONDS, force_fetch=fetch_anew)
        except (GetParameterError, ClientError) as error:
            raise self._missing(f"cannot be read ({error})") from error
        key = key_in(str(text or ""))
        if not key:
            raise self._missing("holds no key")
        if not is_usable(key):
            raise self._missing("holds no usable key: a key is one word of plain characters, as the provider shows it")
        return ApiKey(key)

    def _missing(self, what: str) -> ApiKeyMissingError:
        return ApiKeyMissingError(
            f"The secret {self._secret_name} {what}. Put the API key in: "
            f"aws secretsmanager put-secret-value --secret-id {self._secret_name} --secret-string YOUR_KEY"
        )
