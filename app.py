"""The CDK app: settings in, three stacks out.

It is run by the CDK command line (`cdk.json`), which passes `-c name=value` on as context.
"""

from __future__ import annotations

import sys

from aws_cdk import App

from infra.settings import Settings, SettingsError
from infra.stacks import ArtifactError, add_stacks


def main() -> None:
    app = App()
    try:
        add_stacks(app, Settings.from_context(app.node.get_all_context()))
    except (SettingsError, ArtifactError) as problem:
        sys.exit(str(problem))
    app.synth()


if __name__ == "__main__":
    main()
