"""Our own deployment of Dropcut: its settings from CDK context, and its three stacks."""

import sys
from pathlib import Path

# The construct, and the functions' code that validates settings, however the app is run: by cdk.json, make or a test.
sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parent.parent / "functions")]
