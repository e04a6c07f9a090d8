"""Makes the pictures of programs in the documents: `python -m bench.pictures`, or some of them by name.

They are drawn as pages and shown to headless Chromium, Debian's package `chromium`. The pictures of cut-outs are made
by `bench.before_and_after` and `bench.rendition_gallery`.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyvips

from bench import dashboard_picture, terminal_picture
from bench.chromium import is_installed
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import Problem, run_command
from dropcut_cli.clone.surroundings import clean

DOCS = REPOSITORY / "docs"
PICTURES: Mapping[str, Callable[[], str]] = {
    "dashboard": dashboard_picture.page,
    "demo": terminal_picture.demo_page,
    "command": terminal_picture.command_page,
}
"""By the name of the file in docs/: what makes the page that is shown."""
_WIDTH, _HIGHEST = 1400, 2400
_SCALE = 1.1
_LARGEST_BYTES = 150_000
_SECONDS = 60


def main() -> int:
    """Write the chosen pictures, or all.

    Raises:
        Problem: there is no Chromium, or a picture is too large for a page.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.pictures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of {', '.join(PICTURES)}; left out: all")
    names = parser.parse_args().names or list(PICTURES)
    if unknown := set(names) - set(PICTURES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}")
    if not is_installed():
        raise Problem("These pictures need Chromium: apt-get install chromium.")
    for name in names:
        target = DOCS / f"{name}.webp"
        shoot(PICTURES[name](), target)
        print(f"Written: {target.relative_to(REPOSITORY)}, {target.stat().st_size / 1000:.0f} kB")
    return 0


def shoot(page: str, target: Path) -> None:
    """Write what Chromium shows of a page as WebP, down to where the page ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        html, shown = folder / "page.html", folder / "shown.png"
        html.write_text(page, encoding="utf-8")
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-proxy-server"]
        command += [f"--user-data-dir={folder / 'chromium'}", f"--force-device-scale-factor={_SCALE}"]
        command += [f"--window-size={_WIDTH},{_HIGHEST}", f"--screenshot={shown}", html.as_uri()]
        subprocess.run(command, env=clean(), capture_output=True, check=True, timeout=_SECONDS)
        picture = pyvips.Image.new_from_file(str(shown))[:3]
        left, top, width, height = picture.find_trim(background=picture(0, 0), threshold=1)
        picture.crop(left, top, width, height).webpsave(str(target), Q=84, effort=6, keep="none")
    if target.stat().st_size > _LARGEST_BYTES:
        raise Problem(f"{target} has {target.stat().st_size:,} bytes: a page shows {_LARGEST_BYTES:,} at most.")


if __name__ == "__main__":
    run_command(main, when_stopped="the pictures that were not written are as they were")
