"""Environment variables for the programs we start: what must not leak in is left out, what they need is added."""

import os
from collections.abc import Mapping

from dropcut_cli.clone.places import REPOSITORY

_NO_PROXY = "127.0.0.1,localhost"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY")


def clean(variables: Mapping[str, str] = os.environ, *, keep_proxies: bool = False) -> dict[str, str]:
    """The variables without those that would change what our programs do.

    AWS_*: a person's profile or endpoint must never reach the embedded AWS, nor ours a real account.
    PYTHON*: the functions would find other code than their own.
    Proxies: everything is on loopback; kept, but for loopback, where a program also calls the outside.
    """
    kept = {
        name: value
        for name, value in variables.items()
        if not name.startswith(("AWS_", "PYTHON", "CDK_", "LOCALSTACK_", "MINISTACK_", "LAMBDA_", "POWERTOOLS_"))
        and (keep_proxies or name.upper() not in _PROXIES)
        and name not in ("VIRTUAL_ENV", "DROPCUT_API_KEY")
    }
    if keep_proxies:
        kept["NO_PROXY"] = kept["no_proxy"] = ",".join(filter(None, [_no_proxy(variables), _NO_PROXY]))
    kept["PATH"] = f"{REPOSITORY / '.venv' / 'bin'}{os.pathsep}{variables.get('PATH', os.defpath)}"
    return kept


def _no_proxy(variables: Mapping[str, str]) -> str:
    return variables.get("no_proxy") or variables.get("NO_PROXY") or ""
