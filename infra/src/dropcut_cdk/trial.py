"""Trying somebody's app on the embedded AWS as it is: values of the context stand in for what is in its code.

cdk deploy -c dropcut:bundle_for=this_machine -c dropcut:api_base_url=http://127.0.0.1:8080 ...
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropcut_cdk.props import DropcutProps

if TYPE_CHECKING:
    from constructs import Construct


def as_tried_out(scope: Construct, props: DropcutProps) -> DropcutProps:
    """The arguments, with what the context says instead. Raises SettingsError: a value is not allowed."""
    bundle_for = scope.node.try_get_context("dropcut:bundle_for")
    base_url = scope.node.try_get_context("dropcut:api_base_url")
    provider = replace(props.provider, base_url=base_url) if base_url else props.provider
    webhook_url = scope.node.try_get_context("dropcut:webhook_url")
    return replace(
        props,
        bundle_for=bundle_for or props.bundle_for,
        provider=provider,
        webhook_url=webhook_url or props.webhook_url,
    )
