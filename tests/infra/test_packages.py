"""Packages as they are locked: other bytes are refused, sources are taken apart, and nothing sees a person's access."""

import io
import json
import os
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from dropcut_cdk import packages
from dropcut_cdk.packages import Locked, PipError, make_wheels, read_lock, run_pip

ABOUT = "Metadata-Version: 2.1\nName: gadget\nVersion: 1.0\n"
SETUP = "from pathlib import Path; Path({ran!r}).touch(); raise SystemExit('built by its own code')\n"
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
SPY = '[build-system]\nrequires = []\nbuild-backend = "spy"\nbackend-path = ["."]\n'
SPYING = """
import json, os
def build_wheel(*_, **__):
    with open({spied!r}, "w") as file:
        json.dump(dict(os.environ), file)
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes the place of the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(folder)), ("CONFIG_FILE", os.devnull)):
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setattr(packages, "SOURCE_ONLY", ("gadget",))
    return folder


def put_wheel(index: Path) -> Locked:
    wheel = index / "gadget-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("gadget/__init__.py", "")
        archive.writestr("gadget-1.0.dist-info/METADATA", ABOUT)
        archive.writestr("gadget-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("gadget-1.0.dist-info/RECORD", "")
    return locked(wheel)


def put_source(index: Path, **files: str) -> Locked:
    source = index / "gadget-1.0.tar.gz"
    with tarfile.open(source, "w:gz") as archive:
        for name, content in {"PKG-INFO": ABOUT, "gadget/__init__.py": "whole = True\n", **files}.items():
            entry = tarfile.TarInfo(f"gadget-1.0/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return locked(source)


def locked(file: Path) -> Locked:
    return Locked("gadget", "1.0", (sha256(file.read_bytes()).hexdigest(),))


def test_a_locked_wheel_is_installed(index: Path, tmp_path: Path) -> None:
    run_pip("install", [put_wheel(index)], f"--target={tmp_path / 'installed'}")
    assert (tmp_path / "installed" / "gadget" / "__init__.py").exists()


@pytest.mark.parametrize("by", ["variable", "file"])
def test_a_persons_setting_for_user_installations_changes_nothing(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """pip refuses it together with a folder to install into."""
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nuser = true\n")
    monkeypatch.setenv(*("PIP_USER", "1") if by == "variable" else ("PIP_CONFIG_FILE", str(settings)))
    run_pip("install", [put_wheel(index)], f"--target={tmp_path / 'installed'}")
    assert (tmp_path / "installed" / "gadget" / "__init__.py").exists()


def test_a_wheel_with_other_bytes_than_the_locked_ones_is_refused(index: Path, tmp_path: Path) -> None:
    package = put_wheel(index)
    with zipfile.ZipFile(index / "gadget-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("gadget/extra.py", "print('tampered with')")
    with pytest.raises(PipError, match=r"(?i)hash"):
        run_pip("install", [package], f"--target={tmp_path / 'installed'}")
    assert not (tmp_path / "installed").exists()


def test_a_package_without_a_hash_is_refused(index: Path, tmp_path: Path) -> None:
    put_wheel(index)
    with pytest.raises(PipError, match=r"(?i)hash"):
        run_pip("install", [Locked("gadget", "1.0", ())], f"--target={tmp_path / 'installed'}")


def test_a_source_is_not_built_where_a_wheel_is_expected(index: Path, tmp_path: Path) -> None:
    """Its own code would run, though its hash is a locked one."""
    spied = tmp_path / "spied.json"
    package = put_source(index, **{"pyproject.toml": SPY, "spy.py": SPYING.format(spied=str(spied))})
    with pytest.raises(PipError, match="No matching distribution"):
        run_pip("install", [package], f"--target={tmp_path / 'installed'}")
    assert not spied.exists()


def test_a_source_becomes_a_wheel_without_its_setup_being_run(index: Path, tmp_path: Path) -> None:
    package = put_source(index, **{"setup.py": SETUP.format(ran=str(tmp_path / "ran")), "pyproject.toml": SETUPTOOLS})
    make_wheels([package], tmp_path / "wheels")
    assert not (tmp_path / "ran").exists()
    with zipfile.ZipFile(tmp_path / "wheels" / "gadget-1.0-py3-none-any.whl") as wheel:
        assert wheel.read("gadget/__init__.py") == b"whole = True\n"
        assert "setup.py" not in wheel.namelist()


def test_a_source_with_other_bytes_than_the_locked_ones_is_refused(index: Path, tmp_path: Path) -> None:
    package = put_source(index, **{"pyproject.toml": SETUPTOOLS})
    put_source(index, **{"pyproject.toml": SETUPTOOLS, "gadget/extra.py": "print('tampered with')"})
    with pytest.raises(PipError, match=r"(?i)hash"):
        make_wheels([package], tmp_path / "wheels")


def test_the_wheel_made_of_a_source_has_the_same_bytes_each_time(index: Path, tmp_path: Path) -> None:
    """So its hash can be locked, and be installed from."""
    package = put_source(index, **{"pyproject.toml": SETUPTOOLS, "LICENSE": "free"})
    for folder in ("one", "two"):
        make_wheels([package], tmp_path / folder)
    one, two = (tmp_path / folder / "gadget-1.0-py3-none-any.whl" for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    run_pip("install", [locked(one)], f"--target={tmp_path / 'installed'}", f"--find-links={one.parent}")


def test_what_pip_starts_does_not_see_a_persons_access(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "DROPCUT_API_KEY"):
        monkeypatch.setenv(name, "theirs")
    spied = tmp_path / "spied.json"
    package = put_source(index, **{"pyproject.toml": SPY, "spy.py": SPYING.format(spied=str(spied))})
    with pytest.raises(PipError):
        make_wheels([package], tmp_path / "wheels")
    seen = json.loads(spied.read_text())
    assert "PATH" in seen
    assert not [name for name in seen if name.startswith(("AWS_", "DROPCUT_"))]


def test_a_lock_is_read_as_pip_reads_it(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        f"# made by\nA.b_c==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{'a' * 64} \\\n"
        f"    --hash=sha256:{'b' * 64}\n    # via d\nd==2.0 --hash=sha256:{'d' * 64}\nnone==3.0\n"
    )
    found = read_lock(lock)
    assert found["a-b-c"] == Locked("A.b_c", "1.0", ("a" * 64, "b" * 64))
    assert {name: len(each.hashes) for name, each in found.items()} == {"a-b-c": 2, "d": 1, "none": 0}
