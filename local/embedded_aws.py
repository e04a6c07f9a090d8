"""The embedded AWS: `ministack` in a process of its own, TLS on and IAM enforced."""

import base64
import contextlib
import json
import os
import secrets
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from dropcut_cli.clone.places import PYTHON, REPOSITORY
from dropcut_cli.clone.programs import Program, start_program
from dropcut_cli.clone.surroundings import clean
from local.certificate import make_certificates
from local.ports import LOOPBACK

REGION = "us-east-1"
ACCOUNT = "000000000000"
FUNCTIONS_LOG = "functions.log"
"""What the functions said, as they said it."""
_SECONDS_TO_START = 60.0


@dataclass(frozen=True)
class Account:
    """How to reach an AWS account on this machine as its root user.

    The key is another one for each start. Roles, not this key, decide what the functions may do.
    """

    endpoint_url: str
    authority: Path
    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def described(cls, stack: Mapping[str, Any]) -> "Account":
        """The account of a `stack.json`.

        Raises:
            KeyError: it lacks a field.
        """
        return cls(stack["endpoint_url"], Path(stack["ca_bundle"]), stack["access_key_id"], stack["secret_access_key"])

    def session(self) -> boto3.Session:
        """A session that nothing in this process's environment or in `~/.aws` can change."""
        nothing = (None, None, os.devnull, None)
        core = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": nothing,
                "credentials_file": nothing,
            }
        )
        # No proxies and few retries: everything is on this machine.
        core.set_default_client_config(Config(proxies={}, retries={"mode": "standard", "max_attempts": 3}))
        return boto3.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=REGION,
            botocore_session=core,
        )

    def variables(self) -> dict[str, str]:
        """Environment variables that make a command such as the CDK's use this account and no other."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CA_BUNDLE": str(self.authority),
            "NODE_EXTRA_CA_CERTS": str(self.authority),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def start_embedded_aws(
    folder: Path, *, port: int, leashed: bool, functions_use_proxies: bool = False, calls_file: Path | None = None
) -> tuple[Program, Account]:
    """Start an empty AWS account on 127.0.0.1; its certificates, log and state are in `folder`.

    Returns when it answers. `functions_use_proxies`: the functions call a service outside this machine.
    `calls_file`: where each call that a role makes is written, as a line of JSON.
    """
    certificates = make_certificates(folder)
    account = Account(
        f"https://{LOOPBACK}:{port}",
        certificates.authority,
        access_key_id="AKIA" + base64.b32encode(secrets.token_bytes(10)).decode(),
        secret_access_key=secrets.token_hex(20),
    )
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = clean(keep_proxies=functions_use_proxies) | {
        "AUTH": "true",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(certificates.server),
        "MINISTACK_SSL_KEY": str(certificates.server_key),
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "DROPCUT_ROOT_KEY_ID": account.access_key_id,
        "DROPCUT_ROOT_SECRET": account.secret_access_key,
        "DROPCUT_CALLS_FILE": str(calls_file or ""),
        "DROPCUT_FUNCTIONS_LOG": str(folder / FUNCTIONS_LOG),
        "TMPDIR": str(temporary),
        # Listeners that nothing here uses, and a Docker engine of the person's that is none of our business.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker",
        # The functions inherit these: what they call is the embedded AWS and, perhaps, a real API.
        "AWS_CA_BUNDLE": str(certificates.trust),
        "REQUESTS_CA_BUNDLE": str(certificates.trust),
        "SSL_CERT_FILE": str(certificates.trust),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }
    server = REPOSITORY / "local" / "embedded_aws_server.py"
    program = start_program(
        "embedded AWS",
        [PYTHON, "-P", server],
        environment=environment,
        folder=folder,
        cwd=folder,
        leashed=leashed,
    )
    program.wait_until(lambda: is_healthy(account), seconds=_SECONDS_TO_START)
    return program, account


def is_healthy(account: Account) -> bool:
    """Whether the embedded AWS (and not some other program on its port) answers there."""
    with contextlib.suppress(OSError, ValueError):
        context = ssl.create_default_context(cafile=str(account.authority))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(f"{account.endpoint_url}/_ministack/ready", timeout=5) as answer:
            return bool(json.load(answer).get("status") == "completed")
    return False
