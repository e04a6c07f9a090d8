"""The secret that holds the API key."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from dropcut_cdk.nag import acknowledge
from dropcut_cdk.permissions import allow
from dropcut_cdk.provider import Provider


class ApiKey:
    """The secret of the provider, or one of our own without a value, which is put there after the deployment."""

    secret: str
    """Name or ARN by which the functions find it."""

    def __init__(self, scope: Construct, deployment: str, provider: Provider) -> None:
        self._key_arn = ""
        if provider.secret is None:
            self.secret = f"{deployment}-api-key"
            self._arn = _arn_pattern(self.secret)
            _own_secret(scope, self.secret, provider.name)
            return
        given = provider.secret
        self.secret = given.secret_arn
        self._arn = given.secret_full_arn or f"{given.secret_arn}-??????"
        if given.encryption_key:
            self._key_arn = given.encryption_key.key_arn

    def read(self) -> list[iam.PolicyStatement]:
        """What a function that reads it may do."""
        statements = [allow("ReadKey", ["secretsmanager:GetSecretValue"], [self._arn])]
        if self._key_arn:
            statements.append(allow("DecryptKey", ["kms:Decrypt"], [self._key_arn]))
        return statements


def _own_secret(scope: Construct, name: str, provider: str) -> None:
    secret = secretsmanager.CfnSecret(
        scope,
        "ApiKey",
        name=name,
        description=f'API key of Dropcut\'s provider ({provider}): the key alone, or {{"api_key": "..."}}',
    )
    acknowledge(
        secret,
        "AwsSolutions-SMG4",
        "The provider has no API to make keys with. A new key put here is used within minutes, at once on a 401.",
    )


def _arn_pattern(name: str) -> str:
    """The secret's ARN up to the six characters that AWS adds to the name."""
    return f"arn:{Aws.PARTITION}:secretsmanager:{Aws.REGION}:{Aws.ACCOUNT_ID}:secret:{name}-??????"
