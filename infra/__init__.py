"""The CDK app's stacks and the constructs they share."""

import sys
from pathlib import Path

# Settings are validated by the functions' own code (dropcut.core), however the app is run: by cdk.json, make or a test.
sys.path.insert(0, str(Path(__file__).parent.parent / "functions"))
