"""Deploys the checkout in the current folder, with its own code, until standard input ends: `python deployed_there.py`.

Prints one line of JSON when it is up: what `bench.deployed.deployed_from` needs to use it. Run as a file, in an
interpreter whose path is that checkout's.
"""

import json
import sys

from bench.deployed import deployed


def main() -> None:
    with deployed({}) as system:
        print(json.dumps({**system.description(), "folder": str(system.folder)}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
