"""What talks to a real AWS account from a clone: `make deploy`, `make destroy`, and the account that they find.

It is not in the wheel: it needs the clone with the stacks.
"""

import dropcut_cli.clone  # noqa: F401 - from here on, `infra` and the construct are found
