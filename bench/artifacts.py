"""The functions' artifacts as the CDK app makes them, and how large they are."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Report, Table
from dropcut_cli.clone.cdk import start_synth
from local.system import temporary_folder

STAGES = ("prepare", "cut", "deliver")


@dataclass(frozen=True)
class Built:
    """A function as the template describes it."""

    zip: Path
    handler: str
    variables: dict[str, str]
    """Its environment variables; what only a deployment knows is a stand-in."""

    def unpack(self, folder: Path) -> Path:
        """The artifact's files, as Lambda puts them before the function: sources without byte code."""
        with zipfile.ZipFile(self.zip) as archive:
            archive.extractall(folder)
        return folder


def synthesize(folder: Path, bundle_for: str, **settings: str) -> dict[str, Built]:
    """Build the artifacts of all functions, by their entries' names; `bundle_for` is the setting of that name."""
    start_synth(folder, {"bundle_for": bundle_for, **settings}).finish("Put that right and run the command again.")
    templates = folder / "cdk.out"
    (template,) = templates.glob("*-Pipeline.template.json")
    found = {}
    for resource in json.loads(template.read_text())["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            handler = resource["Properties"]["Handler"]
            variables = resource["Properties"]["Environment"]["Variables"]
            found[handler.split(".")[-2]] = Built(
                zip=templates / resource["Metadata"]["aws:asset:path"],
                handler=handler,
                variables={name: _written_out(value) for name, value in variables.items()},
            )
    return found


def _written_out(value: Any) -> str:
    """A value of the template as text."""
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_written_out, parts))
        case _:
            return "http://127.0.0.1/x"


def measure() -> Report:
    """The sizes of what is deployed."""
    with temporary_folder("bench") as folder:
        built = synthesize(folder, "lambda")
        rows = [_row(stage, built[stage].zip) for stage in STAGES]
    return Report(
        title="artifacts: what is deployed",
        how="The zip files that the CDK app makes for Lambda on arm64, with its default settings.",
        tables=[Table(["function", "zip", "unzipped", "files", "image library", "requests"], rows)],
    )


def _row(stage: str, artifact: Path) -> list[str]:
    with zipfile.ZipFile(artifact) as archive:
        entries = archive.infolist()
    top = {entry.filename.split("/")[0] for entry in entries}
    return [
        stage,
        _megabytes(artifact.stat().st_size),
        _megabytes(sum(entry.file_size for entry in entries)),
        str(len(entries)),
        "yes" if top & {"pyvips", "PIL", "cv2"} else "no",
        "yes" if "requests" in top else "no",
    ]


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
