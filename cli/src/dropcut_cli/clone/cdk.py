"""The CDK command line: synthesis, bootstrap, deployment, with its output in logs and its failures in sentences."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dropcut_cli.clone.places import CDK, PYTHON, REPOSITORY, node, pasted
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.programs import Program, start_program, tail
from dropcut_cli.clone.settings_line import as_context
from dropcut_cli.clone.surroundings import clean
from infra.settings import Settings

_QUIET = ["--no-notices", "--no-color", "--ci"]
_TELLING = re.compile(r"❌|\berror\b|\bfail|denied|invalid|not allowed|cannot|exceeded|Unable", re.IGNORECASE)
_NOISE = re.compile(r"^\s+(at |File \"|~|\^)|node_modules/|CDK_DEBUG|\(node:|^Source Location|no user code in")
_SUMMARY = "Failed resources:"
_LINES_SHOWN = 12


def app_command() -> str:
    """The command that runs the CDK app, with this Python; the CDK gives it to a shell, in its own directory.

    It must not end in a quote. Of an argument that begins and ends in one, the CDK's command line takes both off. A
    shell then ends the first word at a space in the path of this clone.
    """
    return f"{shlex.quote(PYTHON)} app.py"


@dataclass(frozen=True)
class CdkRun:
    """A CDK command at work."""

    program: Program
    what: str

    def finish(self, advice: str) -> None:
        """Wait for its end.

        Raises:
            Problem: it failed; with what it said, and the advice.
        """
        code = self.program.process.wait()
        self.program.stop()
        if code:
            raise Problem(
                f"{self.what} failed:\n{what_it_said(self.program.log)}\n"
                f"{advice} The whole log: {pasted(self.program.log)}"
            )


def start_synth(folder: Path, settings: Mapping[str, str], *, code: Path = REPOSITORY) -> CdkRun:
    """Start making the templates and the functions' artifacts in `folder`/cdk.out. Needs no account.

    Args:
        code: the checkout whose app is synthesized.
    """
    # The stage in any case: the CDK would also take one from a person's ~/.cdk.json, which no other command reads.
    context = as_context({"stage": Settings().stage, **settings})
    # The CDK's own check of the templates starts for two seconds. `make deploy` has it, and cfn-lint sees all of them.
    unchecked = {"CDK_VALIDATION": "false"} if settings.get("bundle_for") == "this_machine" else {}
    return _start(
        "cdk synth",
        ["synth", "--quiet", "--output", folder / "cdk.out", "--app", app_command(), *context],
        folder=folder,
        # pip fetches the functions' dependencies in here: the person's proxies and certificates are the right ones.
        environment=clean(keep_proxies=True) | unchecked,
        cwd=code,
    )


def start_bootstrap(folder: Path, account: str, region: str, variables: Mapping[str, str]) -> CdkRun:
    """Start preparing an account for deployments: a bucket and roles, once for each account and region."""
    return _start(
        "cdk bootstrap",
        ["bootstrap", f"aws://{account}/{region}"],
        folder=folder,
        environment={**clean(), **variables},
        cwd=folder,  # away from cdk.json: with an app it would be synthesized once more, to no end
    )


def start_deploy(folder: Path, variables: Mapping[str, str]) -> CdkRun:
    """Start deploying what `start_synth` made; the outputs are for `read_outputs`."""
    return _start(
        "cdk deploy",
        [
            *("deploy", "--all", "--require-approval", "never", "--progress", "events"),
            *("--outputs-file", outputs_file(folder), "--output", folder / "cdk.deploy"),
            *("--app", folder / "cdk.out"),
        ],
        folder=folder,
        environment={**clean(), **variables},
    )


def outputs_file(folder: Path) -> Path:
    """Where a deployment in `folder` leaves the stacks' outputs."""
    return folder / "outputs.json"


def read_outputs(folder: Path) -> dict[str, str]:
    """All stacks' outputs, by key."""
    by_stack: dict[str, dict[str, str]] = json.loads(outputs_file(folder).read_text())
    return {key: value for outputs in by_stack.values() for key, value in outputs.items()}


def what_it_said(log: Path) -> str:
    """The lines of a failed run's log that tell why, indented; its end when none stands out."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    telling = [
        line for line in lines if _TELLING.search(line) and not _NOISE.search(line) and not line.startswith("$ ")
    ]
    if _SUMMARY in lines:
        telling = [line for line in lines[lines.index(_SUMMARY) + 1 :] if not _NOISE.search(line)]
    elif "Traceback" not in "".join(lines) and not any("❌" in line for line in lines):
        # The app itself refused, with a sentence of its own.
        telling = [line for line in lines if line and "Subprocess exited" not in line and not line.startswith("$ ")]
    shown = list(dict.fromkeys(line.strip() for line in telling))[-_LINES_SHOWN:]
    return "\n".join(f"    {line}" for line in shown) or tail(log)


def _start(
    what: str,
    arguments: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    cwd: Path = REPOSITORY,
) -> CdkRun:
    program = start_program(
        what,
        [node(), CDK, *arguments, *_QUIET],
        environment={
            **environment,
            "JSII_NODE": str(node()),
            # Its caches (of account numbers, for one) must not mix with those of the person's own accounts.
            "CDK_HOME": str(folder / "cdk-home"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "1",
        },
        folder=folder,
        cwd=cwd,
        leashed=True,
    )
    return CdkRun(program, what)
