"""`examples/web_page` in headless Chromium: a form uploads a photo, and the page shows its cut-out when it is there."""

import re
import subprocess
from pathlib import Path

import pytest

from dropcut_cli.clone.surroundings import clean
from local.system import System
from stand_in.stand_in import StandIn
from tests.end_to_end.new_user import NewUser

pytestmark = pytest.mark.timeout(400)
A_WHILE = 300_000
"""Milliseconds of the page's own clock, which runs ahead while it only waits."""


def opened(url: str, profile: Path) -> str:
    """The page's document when it has nothing left to do. Needs Debian's package `chromium`.

    The certificate of the embedded AWS is trusted by nobody.
    """
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server"]
    command += ["--ignore-certificate-errors", f"--user-data-dir={profile}", f"--virtual-time-budget={A_WHILE}"]
    done = subprocess.run(
        [*command, "--dump-dom", url], env=clean(), capture_output=True, text=True, timeout=200, check=True
    )
    return done.stdout


def test_a_browser_uploads_a_photo_and_shows_its_cutout(
    system: System, api: StandIn, users_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("web-page")
    user = NewUser(system=system, api_key=api.key, python=users_python, folder=folder)
    outputs = user.deploy("web_page")
    # The host of a function's URL is AWS's: here the embedded AWS serves it at a path.
    (name,) = re.findall(r"^https://(\w+)\.lambda-url\.", outputs["PageUrl"])
    page = opened(f"{system.account.endpoint_url}/_aws/lambda-url/{name}/#sample", folder / "chromium")
    assert re.search(r'id="status"[^>]*>Done\.<', page), page
    assert len(re.findall(r'<img [^>]*title="640 x 480"', page)) == 2, page  # the renditions full and preview
