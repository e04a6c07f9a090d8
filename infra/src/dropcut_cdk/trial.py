"""Trying somebody's app on the embedded AWS as it is: values of the context stand in for what is in its code.

cdk deploy -c dropcut:bundle_for=this_machine -c dropcut:api_base_url=http://127.0.0.1:8080 ...
"""

from dataclasses import replace

from constructs import Construct

from dropcut_cdk.props import DropcutProps


def as_tried_out(scope: Construct, props: DropcutProps) -> DropcutProps:
    """The arguments, with what the context says instead. Raises SettingsError: a value is not allowed."""
    names = ("bundle_for", "webhook_url", "api_base_url")
    said = {name: value for name in names if (value := scope.node.try_get_context(f"dropcut:{name}"))}
    if base_url := said.pop("api_base_url", ""):
        said["provider"] = replace(props.provider, base_url=base_url)
    return replace(props, **said)
