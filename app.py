"""The CDK app: settings in, three stacks out.

It is run by the CDK command line (`cdk.json`), which passes `-c name=value` on as context.
"""

from __future__ import annotations

import sys

from aws_cdk import App

from infra.artifact import ArtifactError
from infra.monitoring_stack import MonitoringStack
from infra.pipeline_stack import PipelineStack
from infra.settings import Settings, SettingsError
from infra.storage_stack import StorageStack


def add_stacks(app: App, settings: Settings) -> None:
    """Put the deployment's three stacks into the app."""
    prefix = f"Dropcut-{settings.stage}"
    storage = StorageStack(app, f"{prefix}-Storage", settings=settings)
    pipeline = PipelineStack(app, f"{prefix}-Pipeline", settings=settings, storage=storage)
    MonitoringStack(app, f"{prefix}-Monitoring", settings=settings, pipeline=pipeline)


def main() -> None:
    app = App()
    try:
        add_stacks(app, Settings.from_context(app.node.get_all_context()))
    except (SettingsError, ArtifactError) as problem:
        sys.exit(str(problem))
    app.synth()


if __name__ == "__main__":
    main()
