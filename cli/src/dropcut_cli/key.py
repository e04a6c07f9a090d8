"""`dropcut set-key`: the API key, asked for without echo, tried for free where that is possible, and put away."""

import sys

import click
from dropcut.core.api_key_text import fingerprint, is_usable

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.options import on_a_deployment
from dropcut_cli.output import Output, amount, is_terminal

BALANCE_PATHS = {"stability": "/v1/user/balance"}
"""Calls that cost nothing and need a valid key, by provider. The gateway has none."""
_SECONDS = 15
_COPY_IT = "Copy it whole from your account there, then run this again."


@click.command(name="set-key", epilog="Examples: `dropcut set-key`, `dropcut set-key < key.txt`")
@on_a_deployment
def set_key(deployment: Deployment, output: Output) -> None:
    """Put the API key into the deployment's secret: asked for without echo, or read from standard input.

    Where the provider has a call for the balance, the key is tried first, free of charge; a refused one is not put
    away. Nothing is ever shown of it.
    """
    secret = deployment.outputs["ApiKeySecretName"]
    typed = sys.stdin.readline if sys.stdin else str
    asks = is_terminal(sys.stdin)
    key = (click.prompt("API key", hide_input=True, err=True) if asks else typed()).strip()
    if not is_usable(key):
        raise CommandError("That is no key: it is one word of plain characters, as the provider shows it.", Exit.USAGE)
    provider = deployment.setting("Cut", "PROVIDER")
    credits = balance(deployment.setting("Cut", "API_BASE_URL"), provider, key) if provider in BALANCE_PATHS else None
    deployment.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=key)
    known = f" The balance is {amount(credits)} credits." if credits is not None else ""
    output.result(
        {"secret": secret, "key": fingerprint(key), "balance": credits},
        f"The key {fingerprint(key)} is in the secret {secret}.{known}",
    )
    if provider not in BALANCE_PATHS:
        output.progress(f"It was not tried: {provider} has no call for that. The first photo will tell.")


def balance(base_url: str, provider: str, key: str) -> float:
    """Credits of the account.

    Raises:
        CommandError: the key is refused, or the provider does not answer.
    """
    import urllib3

    url, headers = base_url.rstrip("/") + BALANCE_PATHS[provider], {"authorization": f"Bearer {key}"}
    try:  # the key goes nowhere else, so no redirect is followed
        answer = urllib3.request("GET", url, headers=headers, redirect=False, retries=False, timeout=_SECONDS)
        if answer.status in (401, 403):
            raise CommandError(f"{provider} refuses this key (HTTP {answer.status}): nothing was changed. {_COPY_IT}")
        if answer.status == 200:
            return float(answer.json()["credits"])
    except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError):
        raise CommandError(f"{provider} gave no balance: nothing was changed. Try again.", Exit.TEMPORARY) from None
    raise CommandError(f"{provider} answered HTTP {answer.status}: nothing was changed.", Exit.TEMPORARY)
