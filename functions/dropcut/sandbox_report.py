"""Reports which layers hold the processes that decode photos: in the log, as metrics, and when a probe asks."""

from functools import cache
from pathlib import Path
from typing import Any

from dropcut.adapters.credentials import are_hidden
from dropcut.adapters.imaging_process import ImagingProcess, Sandbox
from dropcut.observability import count, logger

_PTRACE_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")


def report_sandbox(found: Sandbox) -> None:
    """Count what is missing each time, so that an alarm lasts as long as its cause; log it once."""
    if found.exposed:
        count("CredentialsExposed")
    _log(tuple(name for name, holds in found.layers.items() if not holds), found.exposed)


def probe_sandbox(imaging: ImagingProcess) -> dict[str, Any]:
    """What this function's system allows: yes and no only, and yama's level where there is one. Decodes nothing."""
    found = imaging.probe()
    return {
        "prctl": are_hidden(),
        **found.layers,
        "exposed": found.exposed,
        "yama_ptrace_scope": int(_PTRACE_SCOPE.read_text()) if _PTRACE_SCOPE.exists() else None,
    }


@cache
def _log(missing: tuple[str, ...], exposed: bool) -> None:
    if missing:
        logger.warning("The kernel refuses layers of the sandbox in which photos are decoded", missing=missing)
    if exposed:
        logger.error(
            "A photo that takes its decoder over could read this function's credentials. Set refuse_exposed=true if "
            "the photos come from strangers, and run `dropcut sandbox-probe` to see which layer is missing."
        )
