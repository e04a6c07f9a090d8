"""What a new user does: installs the wheel into an environment of their own, writes an app in a folder, deploys it."""

import json
import shutil
import site
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dropcut_cli.clone.places import CDK, LOCAL, REPOSITORY, node
from dropcut_cli.clone.surroundings import clean
from local.system import System

CACHE = LOCAL / "new-user-cache"
"""Kept between runs: artifacts are built once, as for a user who synthesizes again."""
Found = TypeVar("Found")


def install_wheel(folder: Path) -> Path:
    """Build the wheel, and install it into a new environment; returns the environment's Python.

    What the wheel depends on is lent by the environment of the tests: the CDK alone would take minutes. There is no
    pip in it but the one that is lent, as there is none in an environment made by uv.
    """
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # From a copy: a build leaves files beside the project.
    for name in ("pyproject.toml", "LICENSE", "NOTICE", "functions", "infra", "docs/events"):
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, _made(folder / "clone") / name)
    _run([*pip, "wheel", "--no-deps", f"--wheel-dir={folder}", folder / "clone"], folder)
    (wheel,) = folder.glob("dropcut_cdk-*.whl")
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    _run([*pip, "--python", python, "install", "--no-deps", wheel], folder)
    (packages / "lent.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return python


@dataclass(frozen=True)
class NewUser:
    """A person with an account, an environment, and a folder with an app."""

    system: System
    api_key: str
    python: Path
    folder: Path

    def deploy(self, example: str, **context: str) -> dict[str, str]:
        """Synthesize and deploy one of `examples/`; returns its outputs, with the API's key where it belongs."""
        shutil.copytree(REPOSITORY / "examples" / example, self.folder / example)
        return self.deploy_folder(example, **context)

    def deploy_app(self, name: str, code: str) -> dict[str, str]:
        """The same with an app of the user's own."""
        (_made(self.folder / name) / "app.py").write_text(code)
        return self.deploy_folder(name)

    def deploy_folder(self, example: str, **context: str) -> dict[str, str]:
        """The same with an app that is in the user's folder already."""
        context = {
            "dropcut:bundle_for": "this_machine",
            "dropcut:api_base_url": self.system.api_base_url,
            **context,
        }
        given = [word for name, value in context.items() for word in ("--context", f"{name}={value}")]
        _run(
            [node(), CDK, "deploy", "--all", "--require-approval=never", "--no-notices", "--outputs-file=outputs.json",
             f"--app={self.python} app.py", *given],
            self.folder / example,
            **self.system.account.variables(),
            JSII_NODE=str(node()),
            CDK_HOME=str(self.folder / "cdk-home"),
            CDK_DISABLE_CLI_TELEMETRY="true",
            CDK_VALIDATION="false",  # of templates that tests/infra checks; it starts for two seconds
            XDG_CACHE_HOME=str(CACHE),
        )  # fmt: skip
        (outputs,) = json.loads((self.folder / example / "outputs.json").read_text()).values()
        secrets: Any = self.system.client("secretsmanager")
        for name, secret in outputs.items():
            if name.startswith("PutTheApiKeyInto"):
                secrets.put_secret_value(SecretId=secret, SecretString=self.api_key)
        return dict(outputs)


def eventually(look: Callable[[], Found | None], *, seconds: float = 40) -> Found:
    """What a look finds, as soon as it finds something. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.5)
    raise TimeoutError(f"Nothing was found within {seconds:g} s")


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _run(command: list[str | Path], folder: Path, **variables: str) -> None:
    surroundings: Mapping[str, str] = clean(keep_proxies=True) | variables
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
