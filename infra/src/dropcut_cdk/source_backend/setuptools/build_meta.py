"""A build backend that takes a source distribution apart and runs nothing of it.

It stands in for setuptools' while `packages.py` has a pure Python wheel made: `PYTHONPATH` puts this `setuptools`
before any other. The package is the folder that has the project's name. The wheel's bytes depend on the source alone,
so that its hash can be locked. Standard library only. https://peps.python.org/pep-0517/ and /pep-0427/
"""

import base64
import hashlib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

_WHEEL = "Wheel-Version: 1.0\nGenerator: dropcut\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:  # noqa: ARG001
    """Write the wheel of the source distribution in the current folder; return its file name."""
    metadata = Path("PKG-INFO").read_bytes()
    fields = HeaderParser().parsestr(metadata.decode())
    name, version = fields["Name"].replace("-", "_"), fields["Version"]
    about = f"{name}-{version}.dist-info"
    files = {path.as_posix(): path.read_bytes() for path in sorted(Path(name).rglob("*.py"))}
    files |= {f"{about}/licenses/{path.name}": path.read_bytes() for path in sorted(Path().glob("LICENSE*"))}
    files |= {f"{about}/METADATA": metadata, f"{about}/WHEEL": _WHEEL.encode()}
    record = "".join(f"{file},sha256={_digest(content)},{len(content)}\n" for file, content in files.items())
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory, wheel), "w") as archive:
        for file, content in files.items():
            archive.writestr(zipfile.ZipInfo(file, date_time=(1980, 1, 1, 0, 0, 0)), content)
    return wheel


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
