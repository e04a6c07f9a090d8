"""`make audit`: the known vulnerabilities of what is locked, where a database of them can be reached.

Many a mirror of a registry has the packages and no advisories, and answers as if there were none. So it also asks about
one old package with a known vulnerability. If that is not found, nothing was checked, and the audit says so.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dropcut_cdk.packages import without_access
from dropcut_cli.clone.places import PYTHON, REPOSITORY
from dropcut_cli.clone.steps import Steps

KNOWN = {"Python": ("django", "2.2"), "npm": ("minimist", "0.0.8")}
"""CVE-2019-12308 and others; CVE-2020-7598."""


def main() -> int:
    """Ask both; exit code 1 if a vulnerability is known."""
    steps, code = Steps(), 0
    for kind, ask in (("Python", ask_about_python), ("npm", ask_about_npm)):
        with tempfile.TemporaryDirectory(prefix="dropcut-") as scratch:
            found = known_vulnerabilities(kind, ask(Path(scratch)))
        if found is None:
            steps.say(f"[yellow]not checked[/yellow] {kind} packages: no database of vulnerabilities can be reached")
        elif found:
            code = 1
            steps.say(f"[red]✗[/red] {kind} packages:")
            print("\n".join(f"    {line}" for line in found), file=sys.stderr)
        else:
            steps.say(f"[green]✓[/green] {kind} packages: no vulnerability is known")
    return code


def known_vulnerabilities(kind: str, found: Mapping[str, Sequence[str]]) -> list[str] | None:
    """A line for each package with vulnerabilities; None when whoever was asked does not know any."""
    package = KNOWN[kind][0]
    if not found.get(package):
        return None
    return [f"{name}: {', '.join(ids)}" for name, ids in sorted(found.items()) if name != package and ids]


def ask_about_python(scratch: Path) -> dict[str, list[str]]:
    """By package, its vulnerabilities as pip-audit knows them; empty if it cannot ask."""
    known = scratch / "known.lock"
    known.write_text(f"{'=='.join(KNOWN['Python'])} --hash=sha256:{'0' * 64}\n")  # nothing is fetched
    locks = [f"--requirement={lock}" for lock in (REPOSITORY / "requirements.lock", known)]
    options = ["--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off", f"--cache-dir={scratch}"]
    report = _report([PYTHON, "-m", "pip_audit", *locks, *options], scratch)
    return {each["name"]: [vuln["id"] for vuln in each.get("vulns", [])] for each in report.get("dependencies", [])}


def ask_about_npm(scratch: Path) -> dict[str, list[str]]:
    """By package, its vulnerabilities as npm knows them; empty if it cannot ask."""
    name, version = KNOWN["npm"]
    for file in ("package.json", "package-lock.json"):
        content = json.loads((REPOSITORY / file).read_text())
        for asking in (content, content.get("packages", {}).get("", {})):
            asking["dependencies"] = {name: version}
        if "packages" in content:
            content["packages"][f"node_modules/{name}"] = {"version": version}
        (scratch / file).write_text(json.dumps(content))
    npm = Path(PYTHON).parent / "npm"
    report = _report([npm, "audit", "--json", "--package-lock-only"], scratch)
    return {name: [_advisory(via) for via in each["via"]] for name, each in report.get("vulnerabilities", {}).items()}


def _advisory(via: Any) -> str:
    """What a package is vulnerable through: an advisory, or another package's name."""
    return str(via.get("url", via.get("title"))) if isinstance(via, dict) else str(via)


def _report(command: Sequence[str | Path], folder: Path) -> dict[str, Any]:
    """The JSON that a command prints; empty when it prints none."""
    path = f"{Path(PYTHON).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"  # npm finds node by it
    environment = {**without_access(os.environ), "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {}
    return report
