"""The operator's command `dropcut`: what became of photos, and what to do about it."""

import sys
from importlib import import_module
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_PACKAGED = _HERE / "functions"
_FUNCTIONS = _PACKAGED if _PACKAGED.is_dir() else _HERE.parents[2] / "functions"

# The functions' own code, of the same release. The construct may be installed beside, with a copy of another one.
sys.path.insert(0, str(_FUNCTIONS))
_found = Path(import_module("dropcut").__file__ or "").resolve().parent
if _found != _FUNCTIONS / "dropcut":
    raise ImportError(
        f"dropcut_cli needs the package {_FUNCTIONS / 'dropcut'}, and {_found} is imported already. "
        "Import the command and the construct in processes of their own."
    )
