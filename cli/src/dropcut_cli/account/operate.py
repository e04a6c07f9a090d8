"""`make redrive` and `make forget`: the command `dropcut` on the deployment that SETTINGS and `cdk.json` mean."""

import os
import sys

from dropcut_cli.__main__ import main as dropcut
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.settings_line import settings_of_deployment
from infra.settings import Settings, SettingsError

USAGE = 2


def main() -> None:
    """Run the command of this command line. It is not on `prod` where the settings are wrong: that is not meant."""
    try:
        os.environ["DROPCUT_STAGE"] = Settings.from_context(settings_of_deployment()).stage
    except (Problem, SettingsError) as wrong:
        print(wrong, file=sys.stderr)
        sys.exit(USAGE)
    os.environ.pop("DROPCUT_STACK", None)  # that is another deployment
    dropcut()


if __name__ == "__main__":
    main()
