"""The facts about this machine that explain a figure; no names of hosts, users or folders."""

import os
import platform
from datetime import UTC, datetime


def facts() -> str:
    """Cores, memory, processor type, system, Python, month."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory_gib:.0f} GiB, {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, {datetime.now(UTC):%B %Y}"
    )


def load() -> str:
    """How many processes wanted to run, on average over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
