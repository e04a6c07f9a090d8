"""A Lambda function of `functions/`, with the artifact that pip builds for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, IgnoreMode, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.artifact import FUNCTIONS, PYTHON_VERSION, Target, build_artifact
from infra.nag import acknowledge

SMALLEST_EPHEMERAL_STORAGE_MB = 512
"""Of /tmp: what every function has."""
RUNTIME = lambda_.Runtime(f"python{PYTHON_VERSION}", lambda_.RuntimeFamily.PYTHON)


class PythonFunction(Construct):
    """One Lambda function of `functions/`: its artifact, its log group, its environment; the role comes from outside.

    A synth that needs no artifact builds none: CDK tells by the context `aws:cdk:bundling-stacks`, which `cdk destroy`
    sets, and which tests of the template set to an empty list.
    """

    function: lambda_.Function

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        description: str,
        packages: Sequence[str],
        target: Target,
        architecture: str,
        timeout_seconds: int,
        memory_mb: int,
        ephemeral_storage_mb: int,
        environment: Mapping[str, str],
        log_group: logs.ILogGroup,
        role: iam.IRole,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.custom(architecture),
            handler=handler,
            description=description,
            code=self._code(packages, target),
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mb,
            ephemeral_storage_size=Size.mebibytes(ephemeral_storage_mb),
            environment=dict(environment),
            log_group=log_group,
            role=role,
            tracing=lambda_.Tracing.ACTIVE,
        )
        resource = self.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        # CDK also names the role under DependsOn, for the sake of policies that are resources of their own.
        resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
        acknowledge(
            self.function,
            "AwsSolutions-L1",
            "A current runtime, chosen with the pinned packages: both move together, in infra/artifact.py and "
            "functions/requirements.txt, when the artifacts have been tried on the next one.",
        )

    def _code(self, packages: Sequence[str], target: Target) -> lambda_.Code:
        if not Stack.of(self).bundling_required:
            return lambda_.Code.from_asset(str(FUNCTIONS), exclude=["__pycache__"], ignore_mode=IgnoreMode.GIT)
        artifact = build_artifact(packages, target)
        return lambda_.Code.from_asset(str(artifact.path), asset_hash=artifact.content_hash)
