"""What one function is, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_iam as iam
from dropcut.environment import Environment

from dropcut_cdk.sizes import Size

POWERTOOLS = ("aws-lambda-powertools", "jmespath", "typing-extensions")
DECODING = ("pyvips", "pyvips-binary", "cffi", "pycparser", "pillow", "pillow-heif", "isal")
CALLING = ("requests", "certifi", "charset-normalizer", "idna", "urllib3")


@dataclass(frozen=True, kw_only=True)
class FunctionSpec:
    """A function of `functions/dropcut/entries`."""

    entry: str
    """Name of its module there."""
    description: str
    size: Size
    packages: Sequence[str]
    """Of `functions/requirements.txt`."""
    environment: Environment
    """Its settings."""
    permissions: Sequence[iam.PolicyStatement]
    """All that it may do, beside writing its log and its traces."""
    may_be_traced: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    """What libraries of this function alone read from its environment."""
