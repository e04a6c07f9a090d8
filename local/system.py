"""The whole system on this machine, brought up in the order in which a customer would.

Embedded AWS and stand-in API; `cdk synth`, `cdk bootstrap` and `cdk deploy`; then a key in the secret.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dropcut_cli.clone.cdk import CdkRun, read_outputs, start_bootstrap, start_deploy, start_synth
from dropcut_cli.clone.places import LOCAL, REPOSITORY, private_folder
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.programs import Program, birth, recorded
from dropcut_cli.clone.settings_line import refuse_wrong
from dropcut_cli.clone.steps import Steps
from local.embedded_aws import ACCOUNT, REGION, Account, start_embedded_aws
from local.ports import LOOPBACK, any_free_port
from local.stand_in_process import start_stand_in
from stand_in.stand_in import USUAL_KEY

_DEPLOY_ADVICE = "Put that right and run the command again; nothing was left running."


@dataclass(frozen=True)
class Ports:
    """Where to listen on 127.0.0.1."""

    aws: int = field(default_factory=any_free_port)
    api: int = field(default_factory=any_free_port)


@dataclass(frozen=True)
class System:
    """A deployed system that is running."""

    folder: Path
    account: Account
    api_base_url: str
    api_key: str
    outputs: Mapping[str, str]
    programs: tuple[Program, ...]
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def client(self, service: str) -> Any:
        """The boto3 client of the root user for an AWS service; made once, as that takes longer than using it."""
        if service not in self._clients:
            self._clients[service] = self.account.session().client(  # type: ignore[call-overload] # any service
                service, endpoint_url=self.account.endpoint_url, verify=str(self.account.authority)
            )
        return self._clients[service]

    def description(self) -> dict[str, Any]:
        """What another program needs to use it: the contents of `stack.json`."""
        return {
            "endpoint_url": self.account.endpoint_url,
            "region": REGION,
            "access_key_id": self.account.access_key_id,
            "secret_access_key": self.account.secret_access_key,
            "ca_bundle": str(self.account.authority),
            "api_base_url": self.api_base_url,
            "outputs": dict(self.outputs),
        }

    def stop(self) -> None:
        """End all its programs."""
        for program in reversed(self.programs):
            program.stop()


def bring_up(
    folder: Path,
    settings: Mapping[str, str],
    *,
    ports: Ports | None = None,
    leashed: bool = True,
    steps: Steps | None = None,
    code: Path = REPOSITORY,
    calls_file: Path | None = None,
) -> System:
    """Bring a system up in `folder`.

    Args:
        folder: an existing folder for its state and logs, used by nothing else.
        settings: of the CDK app. With `api_base_url` that server is used and no stand-in is started.
        ports: where to listen; free ones when left out.
        leashed: everything ends when this process ends; otherwise it stays until `make down`.
        steps: shows what happens.
        code: the checkout whose stacks are deployed; the settings have to be some of its own, too.
        calls_file: where the embedded AWS writes each call that a role makes.

    Raises:
        Problem: something did not work. What was started is stopped before.
    """
    ports, steps = ports or Ports(), steps or Steps()
    own_api = settings.get("api_base_url", "")
    api_base_url = own_api or f"http://{LOOPBACK}:{ports.api}"
    settings = {**settings, "api_base_url": api_base_url, "bundle_for": "this_machine"}
    refuse_wrong(settings)
    api_key = key_for(own_api)
    with ExitStack() as undo:
        synth = start_synth(folder, settings, code=code)
        undo.callback(synth.program.stop)
        programs = []
        with steps.step("Start the embedded AWS" + ("" if own_api else " and the stand-in API")):
            aws, account = start_embedded_aws(
                folder,
                port=ports.aws,
                leashed=leashed,
                functions_use_proxies=not is_on_this_machine(api_base_url),
                calls_file=calls_file,
            )
            undo.callback(aws.stop)
            programs.append(aws)
            if not own_api:
                stand_in = start_stand_in(folder, port=ports.api, settings=settings, leashed=leashed)
                undo.callback(stand_in.stop)
                programs.append(stand_in)
        _deploy(folder, account, synth, steps, undo)
        outputs = read_outputs(folder)
        system = System(folder, account, api_base_url, api_key, outputs, tuple(programs))
        system.client("secretsmanager").put_secret_value(SecretId=outputs["ApiKeySecretName"], SecretString=api_key)
        undo.pop_all()
    return system


def _deploy(folder: Path, account: Account, synth: CdkRun, steps: Steps, undo: ExitStack) -> None:
    """Bootstrap the account while the templates are being made, then deploy them."""
    bootstrap = start_bootstrap(folder, ACCOUNT, REGION, account.variables())
    undo.callback(bootstrap.program.stop)
    with steps.step("cdk synth: templates, and the functions' packages"):
        synth.finish("Put that right and run the command again.")
    with steps.step("cdk bootstrap"):
        bootstrap.finish(_DEPLOY_ADVICE)
    with steps.step("cdk deploy: three stacks"):
        deploy = start_deploy(folder, account.variables())
        undo.callback(deploy.program.stop)
        deploy.finish(_DEPLOY_ADVICE)


def run_few_processes(system: System) -> None:
    """Let each queue have no more invocations at once than the machine has cores, and two at least.

    Each more takes a second of processor time only to start, which a few photos do not earn back. Limited at the
    event source and not at the function: that would throttle the gatekeeper's probe, or a batch beside it, for minutes.
    """
    functions, at_once = system.client("lambda"), max(2, os.cpu_count() or 2)
    for source in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=source["UUID"], ScalingConfig={"MaximumConcurrency": at_once})


def key_for(own_api: str) -> str:
    """The API key that goes into the secret.

    A real key is used only with an API that was named on purpose; the stand-in has a key of its own.

    Raises:
        Problem: the API is not on this machine and there is no key for it.
    """
    if not own_api:
        return USUAL_KEY
    key = os.environ.get("DROPCUT_API_KEY", "")
    if not key and not is_on_this_machine(own_api):
        raise Problem(
            f"{own_api} needs an API key. Put it in the environment variable DROPCUT_API_KEY, or leave api_base_url "
            "out of SETTINGS: then a stand-in on this machine answers, which needs no key."
        )
    return key or USUAL_KEY


def is_on_this_machine(url: str) -> bool:
    """Whether a URL's host is loopback."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """A folder of its own under `.local` for a system that does not outlive the command.

    Removed at the end; after a failure its logs stay, until the next command of this kind.
    """
    _remove_abandoned(kind)
    folder = LOCAL / f"{kind}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(LOCAL)
    private_folder(folder)
    (folder / "owner.json").write_text(json.dumps({"pid": os.getpid(), "born": birth(os.getpid())}))
    try:
        yield folder
    except Exception:
        keep_logs_only(folder)
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(kind: str) -> None:
    """Remove folders of commands that are no longer running."""
    for folder in LOCAL.glob(f"{kind}-*"):
        try:
            owner = json.loads((folder / "owner.json").read_text())
            if owner["born"] is not None and birth(owner["pid"]) == owner["born"]:
                continue
        except (OSError, ValueError, KeyError):
            if time.time() - folder.stat().st_mtime < 60:
                continue
        if not recorded(folder):
            shutil.rmtree(folder, ignore_errors=True)


def keep_logs_only(folder: Path) -> None:
    """Remove all else, keys and state among it; and the folder when nothing was logged."""
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.suffix != ".log":
            entry.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
