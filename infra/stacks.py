"""Our own deployment: three stacks as shells, so that its data can outlive what works on it.

The constructs' ids are `Default`, which the CDK leaves out of logical ids: deployments keep their resources.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_dynamodb as dynamodb

from dropcut_cdk.artifact import ArtifactError
from dropcut_cdk.dropcut import Dropcut
from dropcut_cdk.monitoring import Monitoring
from dropcut_cdk.props import DropcutProps
from dropcut_cdk.storage import Storage
from infra.settings import Settings

__all__ = ["ArtifactError", "add_stacks"]


def add_stacks(app: App, settings: Settings) -> None:
    """Put the deployment's three stacks into the app."""

    def stack(name: str, what: str) -> Stack:
        return Stack(app, f"Dropcut-{settings.stage}-{name}", description=f"Dropcut ({settings.stage}): {what}")

    data = stack("Storage", "photos, cut-outs, state")
    work = stack("Pipeline", "prepare, cut, deliver")
    watch = stack("Monitoring", "alarms and dashboard")

    arguments = settings.for_dropcut()
    if settings.pace_table:
        arguments["pace_table"] = dynamodb.Table.from_table_name(work, "PaceTable", settings.pace_table)
    storage = Storage(data, "Default", DropcutProps(**arguments))
    dropcut = Dropcut(work, "Default", storage=storage, monitoring=False, **arguments)
    monitoring = Monitoring(watch, "Default", of=dropcut, command=f"dropcut {{}} --stage {settings.stage}")

    # Deployments from before import it for alarms that are gone; CloudFormation refuses to remove it under them.
    work.export_value(dropcut.functions["gatekeeper"].function_name)

    of_data = ("InputBucketName", "OutputBucketName", "WorkBucketName", "StateTableName")
    for name, value in dropcut.outputs.items():
        CfnOutput(data if name in of_data else work, name, value=value)
    for name, value in monitoring.outputs.items():
        CfnOutput(watch, name, value=value)
