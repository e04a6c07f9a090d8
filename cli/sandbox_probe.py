"""Asks the deployed prepare function, once, what holds the processes in which it decodes photos.

    python -m cli.sandbox_probe [--stage STAGE]

The deployment is found as by `python -m cli.redrive`. The function answers with yes and no alone, and decodes nothing.
"""

import argparse
import json
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from dropcut.sandbox_report import SANDBOX_PROBE

from infra.settings import Settings, SettingsError
from local.problem import Problem
from local.real_account import RealAccount, real_account
from local.settings_line import settings_of_deployment

MEANINGS = {
    "prctl": "the function's memory and environment are closed to other processes of its user",
    "no_new_privs": "no program that is run could gain rights",
    "landlock": "files outside of a photo's own folder, TCP, and other processes are out of reach",
    "seccomp": "no socket, program, process, tracing or signal to others",
    "exposed": "a taken-over decoder could read the function's credentials",
    "yama_ptrace_scope": "whom the kernel lets trace others; none without yama",
}


def probe(account: RealAccount, stage: str) -> dict[str, Any]:
    """What the function answers. Raises Problem."""
    name = account.outputs(stage).get("PrepareFunctionName")
    if not name:
        raise Problem(
            f"There is no stage `{stage}` in account {account.account}, region {account.region}, or it is older than "
            'this probe. Name the one you mean, with SETTINGS="stage=...", or its region, with AWS_REGION.'
        )
    answer = account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(SANDBOX_PROBE).encode())
    found = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Problem(f"The function {name} failed: {found}")
    return {meaning: found.get(meaning) for meaning in MEANINGS}


def main(arguments: list[str] | None = None) -> int:
    try:
        settings = settings_of_deployment()
        parser = argparse.ArgumentParser(prog="python -m cli.sandbox_probe", description="Shows what holds decoders.")
        stage = Settings.from_context(settings).stage
        parser.add_argument("--stage", default=stage, help=f"the deployment, as in the setting `stage` ({stage})")
        told = parser.parse_args(arguments)
        found = probe(real_account(), Settings.from_context({**settings, "stage": told.stage}).stage)
    except (Problem, SettingsError, BotoCoreError, ClientError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    for name, answer in found.items():
        print(f"{name:18} {json.dumps(answer):6} {MEANINGS[name]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
