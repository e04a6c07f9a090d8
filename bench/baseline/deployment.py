"""Puts the baseline beside our system, on the same embedded AWS and with the same secret and API."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from local.embedded_aws import ACCOUNT, REGION
from local.system import System

_NAME = "baseline"


@dataclass(frozen=True)
class Baseline:
    """The deployed one-function pattern."""

    input_bucket: str
    output_bucket: str
    function: str
    variables: dict[str, str]


def deploy_baseline(system: System) -> Baseline:
    """Make its buckets, its role and its function, and let S3 invoke the function for each new object.

    S3 invokes it directly: the route with the fewest hops, so the hardest to be compared with.
    """
    buckets = f"{_NAME}-input", f"{_NAME}-output"
    s3, lambda_ = system.client("s3"), system.client("lambda")
    for bucket in buckets:
        s3.create_bucket(Bucket=bucket)
    variables = {
        "OUTPUT_BUCKET": buckets[1],
        "API_BASE_URL": system.api_base_url,
        "API_KEY_SECRET": system.outputs["ApiKeySecretName"],
    }
    function = lambda_.create_function(
        FunctionName=_NAME,
        Runtime="python3.13",
        Handler="function.handler",
        Role=_role(system, *buckets),
        Code={"ZipFile": _zipped()},
        Environment={"Variables": variables},
        Timeout=120,
        MemorySize=1024,
    )
    lambda_.add_permission(
        FunctionName=_NAME, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    s3.put_bucket_notification_configuration(
        Bucket=buckets[0],
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": function["FunctionArn"], "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    return Baseline(*buckets, _NAME, variables)


def _zipped() -> bytes:
    """The handler alone: on the embedded AWS it finds requests where it finds boto3."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.write(Path(__file__).with_name("function.py"), "function.py")
    return content.getvalue()


def _role(system: System, input_bucket: str, output_bucket: str) -> str:
    iam = system.client("iam")
    role = iam.create_role(
        RoleName=_NAME,
        AssumeRolePolicyDocument=_policy("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"}),
    )
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{system.outputs['ApiKeySecretName']}-??????"
    allowed = {
        "read": ("s3:GetObject", f"arn:aws:s3:::{input_bucket}/*"),
        "write": ("s3:PutObject", f"arn:aws:s3:::{output_bucket}/*"),
        "key": ("secretsmanager:GetSecretValue", secret),
        "log": ("logs:*", "*"),
    }
    for name, (action, resource) in allowed.items():
        iam.put_role_policy(RoleName=_NAME, PolicyName=name, PolicyDocument=_policy(action, Resource=resource))
    return str(role["Role"]["Arn"])


def _policy(action: str, **rest: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **rest}]})
