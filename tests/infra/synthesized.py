"""The app's templates, and how to find things in them. Importing this imports the CDK, which takes a second."""

import json
import os
import re
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

# jsii starts Node when it is imported; the environment's own is there on a machine without one, or with an old one.
os.environ.setdefault("JSII_NODE", str(Path(sys.prefix) / "bin" / "node"))

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.settings import Settings
from infra.stacks import add_stacks

Template = dict[str, Any]
STACKS = ("Storage", "Pipeline", "Monitoring")


class Synthesized:
    """An app's templates by stack, and the folder that they are in."""

    def __init__(self, settings: Settings, folder: Path, *, nag: bool = False) -> None:
        # No artifacts: what is in them is tested in test_artifact.py.
        app = App(outdir=str(folder), context={"aws:cdk:bundling-stacks": [], **_flags()})
        if nag:
            Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        add_stacks(app, settings)
        with (
            suppress(RuntimeError) if nag else nullcontext()
        ):  # after all is written; test_templates.py reads the report
            app.synth()
        self.folder = folder
        self.files = {name: folder / f"Dropcut-{settings.stage}-{name}.template.json" for name in STACKS}
        self.templates: dict[str, Template] = {name: json.loads(path.read_text()) for name, path in self.files.items()}

    def resources(self, stack: str, kind: str) -> dict[str, Any]:
        """Resources of one type, by logical id."""
        every: dict[str, Any] = self.templates[stack]["Resources"]
        return {name: resource for name, resource in every.items() if resource["Type"] == kind}

    def properties(self, stack: str, kind: str, beginning: str) -> Any:
        """The properties of the one resource of a type whose logical id begins so."""
        found = [r["Properties"] for name, r in self.resources(stack, kind).items() if name.startswith(beginning)]
        assert len(found) == 1, f"{len(found)} of {kind} begin with {beginning}"
        return found[0]


def _flags() -> dict[str, Any]:
    """The feature flags of cdk.json, which the CDK command line would pass on."""
    flags: dict[str, Any] = json.loads(Path("cdk.json").read_text())["context"]
    return flags


def written_out(value: Any) -> str:
    """An ARN or a name with its CloudFormation functions written out: `<InputBucket.Arn>/in/*`, `<AWS::Region>`."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(written_out(part) for part in parts)
        case {"Fn::ImportValue": name}:
            return f"<{_exported(name)}>"
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{_without_hash(resource)}.{attribute}>"
        case {"Ref": name}:
            return f"<{_without_hash(name)}>"
        case str():
            return value
        case _:
            raise AssertionError(f"not written out: {value}")


def _without_hash(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def _exported(name: str) -> str:
    """`Dropcut-prod-Storage:ExportsOutputFnGetAttWorkBucketF885502BArnD9329358` is `WorkBucket.Arn`."""
    export = name.rpartition(":ExportsOutput")[2][:-8]
    if export.startswith("Ref"):
        return _without_hash(export.removeprefix("Ref"))
    return _without_hash(export.removeprefix("FnGetAtt").removesuffix("Arn")) + ".Arn"
