"""The secret that holds the API key."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from dropcut_cdk.permissions import allow, use_keys
from dropcut_cdk.provider import Provider


class ApiKey:
    """The secret of the provider, or one of our own without a value, which is put there after the deployment."""

    secret: str
    """Name or ARN by which the functions find it."""

    def __init__(self, scope: Construct, deployment: str, provider: Provider) -> None:
        given = provider.secret
        self._encryption_key = given.encryption_key if given else None
        if given:
            self.secret = given.secret_arn
            self._arn = given.secret_full_arn or f"{given.secret_arn}-??????"
            return
        self.secret = f"{deployment}-api-key"
        # AWS adds a hyphen and six characters to the name.
        self._arn = f"arn:{Aws.PARTITION}:secretsmanager:{Aws.REGION}:{Aws.ACCOUNT_ID}:secret:{self.secret}-??????"
        said = f'API key of Dropcut\'s provider ({provider.name}): the key alone, or {{"api_key": "..."}}'
        secretsmanager.CfnSecret(scope, "ApiKey", name=self.secret, description=said)

    def read(self) -> list[iam.PolicyStatement]:
        """What a function that reads it may do."""
        key = self._encryption_key
        decrypt = [use_keys("DecryptKey", ["kms:Decrypt"], [key.key_arn], by="secretsmanager")] if key else []
        return [allow("ReadKey", ["secretsmanager:GetSecretValue"], [self._arn]), *decrypt]
