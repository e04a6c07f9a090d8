"""What a process that decodes answers when its surroundings fail."""

import errno
import io
import os
import sys
from typing import Any

import pytest
from dropcut.imaging import child


class FullDisk(io.StringIO):
    """Standard error, which goes to a file, once there is no room for one."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_too_full_to_say_so_is_no_fault_of_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(_: Any) -> dict[str, Any]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(child, "limit_processor_time", lambda _seconds: None)  # the tests go on
    monkeypatch.setattr(sys, "stderr", FullDisk())
    said = child.answer({"do": "fit", "seconds": 1, "arguments": {}}, {"fit": decode})
    assert said == {"failed": "OSError: [Errno 28] No space left on device"}
