"""`make redrive` and `make forget`: the command `dropcut` on the deployment that SETTINGS and `cdk.json` mean."""

import os
import sys
from typing import NoReturn

from dropcut_cli.clone.places import PYTHON, REPOSITORY
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.settings_line import settings_of_deployment
from infra.settings import Settings, SettingsError

USAGE = 2


def main(arguments: list[str]) -> NoReturn:
    """Become the command. It is not `prod` where the settings are wrong: that is not what was meant."""
    try:
        stage = Settings.from_context(settings_of_deployment()).stage
    except (Problem, SettingsError) as wrong:
        print(wrong, file=sys.stderr)
        sys.exit(USAGE)
    path = os.pathsep.join(filter(None, [str(REPOSITORY / "cli" / "src"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "DROPCUT_STAGE": stage, "PYTHONPATH": path}
    os.execve(PYTHON, [PYTHON, "-m", "dropcut_cli", *arguments], environment)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
