"""Dropcut as a CDK construct: photos dropped into a bucket come out, cut out, in another.

from dropcut_cdk import Dropcut

Dropcut(self, "Cutouts")
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dropcut_cdk.sources import FUNCTIONS

if TYPE_CHECKING:
    from dropcut_cdk.dropcut import Dropcut as Dropcut
    from dropcut_cdk.input import Input as Input
    from dropcut_cdk.kinds import SettingsError as SettingsError
    from dropcut_cdk.monitoring import Monitoring as Monitoring
    from dropcut_cdk.props import DropcutProps as DropcutProps
    from dropcut_cdk.provider import Provider as Provider
    from dropcut_cdk.storage import Storage as Storage

# Settings are validated by the functions' own code, of the same release. The command `dropcut` may be installed beside,
# with a copy of another one.
sys.path.insert(0, str(FUNCTIONS))
_found = Path(import_module("dropcut").__file__ or "").resolve().parent
if _found != FUNCTIONS / "dropcut":
    raise ImportError(
        f"dropcut_cdk needs the package {FUNCTIONS / 'dropcut'}, and {_found} is imported already. "
        "Import the construct and the command in processes of their own."
    )

_MODULES = {
    "Dropcut": "dropcut",
    "DropcutProps": "props",
    "Input": "input",
    "Monitoring": "monitoring",
    "Provider": "provider",
    "SettingsError": "kinds",
    "Storage": "storage",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Import what is asked for: the CDK takes a second, and whoever only checks settings does without it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
