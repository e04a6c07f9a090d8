"""What of a person's environment reaches the programs that are started."""

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.surroundings import clean

PERSONS_OWN = {
    "HOME": "/home/a",
    "PATH": "/usr/bin",
    "PIP_INDEX_URL": "https://mirror.example/simple",
    "AWS_PROFILE": "work",
    "AWS_ENDPOINT_URL": "https://elsewhere.example",
    "PYTHONPATH": "/somewhere",
    "VIRTUAL_ENV": "/another",
    "DROPCUT_API_KEY": "secret",
    "https_proxy": "http://proxy.example:3128",
    "NO_PROXY": "intranet.example",
}


def test_neither_aws_nor_python_settings_nor_the_key_leak_in() -> None:
    """A person's profile must not reach the embedded AWS, nor their key a log."""
    kept = clean(PERSONS_OWN)
    assert set(kept) == {"HOME", "PATH", "PIP_INDEX_URL"}


def test_our_programs_come_first_on_the_path() -> None:
    """The machine may have another Node.js."""
    assert clean(PERSONS_OWN)["PATH"] == f"{REPOSITORY}/.venv/bin:/usr/bin"


def test_proxies_are_kept_where_the_outside_is_called_and_never_for_loopback() -> None:
    """pip needs them; the embedded AWS must not be looked for behind them."""
    kept = clean(PERSONS_OWN, keep_proxies=True)
    assert kept["https_proxy"] == "http://proxy.example:3128"
    assert kept["NO_PROXY"] == kept["no_proxy"] == "intranet.example,127.0.0.1,localhost"
