"""What the commands of a clone share, be it of `make deploy` or of `make demo`: settings, the CDK, programs, messages.

It is not in the wheel: it needs the clone with the stacks.
"""

import sys

from dropcut_cli.clone.places import REPOSITORY

# Our own deployment's settings (`infra`), and the construct that checks them.
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "infra" / "src")]
