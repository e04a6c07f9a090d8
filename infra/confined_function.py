"""A function that may do what it is said to do, log and trace, and nothing else."""

from collections.abc import Mapping, Sequence

from aws_cdk import RemovalPolicy, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.artifact import Target
from infra.nag import acknowledge_prefixes
from infra.python_function import SMALLEST_EPHEMERAL_STORAGE_MB, PythonFunction
from infra.settings import LONGEST_FUNCTION_SECONDS, SettingsError


class ConfinedFunction:
    """A function in `scope`, with a log group and a role of its own."""

    function: lambda_.Function
    role: iam.Role
    log_group: logs.LogGroup

    def __init__(
        self,
        scope: Construct,
        *,
        handler: str,
        description: str,
        packages: Sequence[str],
        target: Target,
        architecture: str,
        timeout_seconds: int,
        memory_mb: int,
        environment: Mapping[str, str],
        permissions: Sequence[iam.PolicyStatement],
        ephemeral_storage_mb: int = SMALLEST_EPHEMERAL_STORAGE_MB,
    ) -> None:
        _check_timeout(scope.node.id, timeout_seconds)
        _check_environment(scope.node.id, environment)
        self.log_group = logs.LogGroup(
            scope, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        statements = [
            *permissions,
            allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], [self.log_group.log_group_arn]),
            allow("Trace", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]),
        ]
        self.role = iam.Role(
            scope,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"stage": iam.PolicyDocument(statements=statements)},
        )
        acknowledge_prefixes(self.role, statements)
        self.function = PythonFunction(
            scope,
            "Code",
            handler=handler,
            description=description,
            packages=packages,
            target=target,
            architecture=architecture,
            timeout_seconds=timeout_seconds,
            memory_mb=memory_mb,
            ephemeral_storage_mb=ephemeral_storage_mb,
            environment=environment,
            log_group=self.log_group,
            # The role is complete: CDK's constructs add nothing to it.
            role=self.role.without_policy_updates(),
        ).function


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, Mapping[str, str | list[str]]] | None = None,
) -> iam.PolicyStatement:
    """A statement that allows exactly these actions on these resources."""
    return iam.PolicyStatement(
        sid=sid, actions=list(actions), resources=list(resources), conditions=dict(conditions or {})
    )


def _check_timeout(function: str, timeout_seconds: int) -> None:
    """Raises SettingsError when Lambda could not run a function that long."""
    if not 1 <= timeout_seconds <= LONGEST_FUNCTION_SECONDS:
        raise SettingsError(
            f"The time-out of {function} would be {timeout_seconds} s. Allowed: 1 to {LONGEST_FUNCTION_SECONDS} s, "
            "Lambda's limit; api_timeout_seconds decides that of Cut."
        )


_MOST_ENVIRONMENT_BYTES = 4096
_LONGEST_UNKNOWN = 160
"""What a value may have that is known at deployment only, such as a queue's URL."""


def _check_environment(function: str, environment: Mapping[str, str]) -> None:
    """Raises SettingsError when Lambda would not take so much text."""
    needed = sum(
        len(name) + (_LONGEST_UNKNOWN if Token.is_unresolved(value) else len(value.encode()))
        for name, value in environment.items()
    )
    if needed > _MOST_ENVIRONMENT_BYTES:
        longest = max(environment, key=lambda name: len(environment[name]))
        raise SettingsError(
            f"The environment of {function} would have up to {needed:,} bytes. Allowed: {_MOST_ENVIRONMENT_BYTES:,}, "
            f"Lambda's limit; the longest part is the setting {longest.lower()}."
        )
