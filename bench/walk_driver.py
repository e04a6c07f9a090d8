"""Brings one photo through the stages of the checkout in the current folder: `python walk_driver.py FOLDER`.

Prints one line of JSON: files and calls by stage. It runs as a file, in an interpreter with that checkout's path. So
nothing of this checkout is measured by mistake.
"""

import json
import sys
from pathlib import Path

from tests.resilience import sandbox
from tests.resilience.deployment import STAGES, deployed, photo


def main() -> None:
    """Raises RuntimeError: the photo was not delivered."""
    folder = Path(sys.argv[1])
    sandbox._PROCESS = Path(__file__).with_name("walk_sandbox.py")
    with deployed(folder) as deployment:
        deployment.drop("photo.png", photo(1))
        deployment.run()
        status = deployment.job("photo.png").get("status")
    if status != "delivered":
        raise RuntimeError(f"The photo is {status}, not delivered:\n{(folder / 'log').read_text()[-2000:]}")
    print(json.dumps({stage: json.loads((folder / f"walk-{stage}").read_text()) for stage in STAGES}))


if __name__ == "__main__":
    main()
