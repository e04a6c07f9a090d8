"""What AWS would decide about requests, by an evaluator of policies that knows all its actions and condition keys."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_NODE = Path(sys.prefix) / "bin" / "node"
_JUDGE = Path(__file__).parent / "end_to_end" / "iam_judge.mjs"


def judged(simulations: Sequence[Any]) -> list[str]:
    """Of each: `Allowed`, `ImplicitlyDenied`, `ExplicitlyDenied`, or what is wrong with it."""
    said = json.dumps(simulations)
    done = subprocess.run([_NODE, _JUDGE], input=said, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    answers: list[str] = json.loads(done.stdout)
    return answers
