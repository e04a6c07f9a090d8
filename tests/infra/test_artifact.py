"""Artifacts: the right packages for the right processor, the same for the same commit, and they start."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dropcut_cdk import artifact
from dropcut_cdk.artifact import Artifact, ArtifactError, Target, build_artifact, locked
from dropcut_cdk.confined_function import CALLING, DECODING, POWERTOOLS
from dropcut_cdk.packages import read_lock
from dropcut_cdk.sources import FUNCTIONS

PACKAGES = {
    "prepare": (*POWERTOOLS, *DECODING),
    "cut": (*POWERTOOLS, *CALLING),
    "deliver": (*POWERTOOLS, *DECODING),
    "gatekeeper": POWERTOOLS,
    "feeder": POWERTOOLS,
    "notify": POWERTOOLS,
}
HASH = "0" * 64
AARCH64 = 0xB7
"""Of an ELF file's header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A functions folder with one module and one locked package."""
    (tmp_path / "functions" / "dropcut").mkdir(parents=True)
    (tmp_path / "functions" / "dropcut" / "__init__.py").write_text("")
    (tmp_path / "functions" / "requirements.lock").write_text(f"# made by\nidna==3.20 \\\n    --hash=sha256:{HASH}\n")
    return tmp_path


def build(project: Path, packages: tuple[str, ...] = ()) -> Artifact:
    return build_artifact(packages, Target.this_machine(), functions=project / "functions", build=project / ".build")


def names(built: Artifact) -> set[str]:
    with zipfile.ZipFile(built.path) as archive:
        return set(archive.namelist())


# ---- what is locked


def test_packages_come_from_the_lock_whatever_the_spelling(project: Path) -> None:
    assert [each.requirement for each in locked(["IDNA"], project / "functions")] == ["idna==3.20"]


@pytest.mark.parametrize("lock", ["", "idna==3.20", "not-idna==3.20 --hash=sha256:" + HASH])
def test_a_package_that_is_not_locked_stops_the_synth_by_name(project: Path, lock: str) -> None:
    (project / "functions" / "requirements.lock").write_text(lock + "\n")
    with pytest.raises(ArtifactError, match=r"A function needs idna, requests, which .*lock does not hold"):
        build(project, ("requests", "idna"))


def test_every_pin_is_some_stages() -> None:
    used = {package for packages in PACKAGES.values() for package in packages}
    lines = (FUNCTIONS / "requirements.txt").read_text().splitlines()
    assert {line.split("==")[0] for line in lines if "==" in line} == used


def test_what_the_functions_need_is_locked_as_it_is_pinned_to_the_last_package() -> None:
    """Nothing that a package brings along is missing in the list of pins."""
    lock = read_lock(FUNCTIONS / "requirements.lock")
    assert set(lock) == {package for packages in PACKAGES.values() for package in packages}
    pins = {line.split("#")[0].strip() for line in (FUNCTIONS / "requirements.txt").read_text().splitlines()}
    assert {each.requirement for each in locked(list(lock), FUNCTIONS)} == pins - {""}


def test_cut_holds_no_image_library() -> None:
    assert not set(PACKAGES["cut"]) & {"pyvips", "pyvips-binary", "pillow", "pillow-heif", "numpy"}


# ---- what is built again, and what is not


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs nothing, at once."""

    def nothing(command: str, packages: object, *options: str) -> None:
        target = next(each.removeprefix("--target=") for each in options if each.startswith("--target="))
        Path(target).mkdir(parents=True)

    monkeypatch.setattr(artifact, "run_pip", nothing)


@pytest.mark.usefixtures("no_pip")
def test_what_tests_and_checkouts_leave_behind_changes_nothing(project: Path) -> None:
    first = build(project)
    cache = project / "functions" / "dropcut" / "__pycache__"
    cache.mkdir()
    (cache / "__init__.cpython-311.pyc").write_bytes(b"compiled")
    os.utime(project / "functions" / "dropcut" / "__init__.py", (1, 1))
    assert build(project) == first


@pytest.mark.usefixtures("no_pip")
def test_a_changed_source_is_another_artifact(project: Path) -> None:
    first = build(project)
    (project / "functions" / "dropcut" / "__init__.py").write_text("changed = True\n")
    second = build(project)
    assert (first.content_hash == second.content_hash, first.path == second.path) == (False, False)


@pytest.mark.usefixtures("no_pip")
def test_two_builds_in_two_places_are_the_same_to_the_byte(project: Path, tmp_path: Path) -> None:
    first = build(project)
    second = build_artifact((), Target.this_machine(), functions=project / "functions", build=tmp_path / "elsewhere")
    assert first.content_hash == second.content_hash
    assert first.path.read_bytes() == second.path.read_bytes()


@pytest.mark.usefixtures("no_pip")
def test_a_changed_lock_installs_again_and_a_changed_source_does_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(project, ("idna",))

    def refuse(*_: object, **__: object) -> None:
        raise ArtifactError("pip was called")

    monkeypatch.setattr(artifact, "run_pip", refuse)
    (project / "functions" / "dropcut" / "__init__.py").write_text("changed = True\n")
    build(project, ("idna",))
    lock = project / "functions" / "requirements.lock"
    lock.write_text(lock.read_text().replace(HASH, "1" * 64))
    with pytest.raises(ArtifactError, match="pip was called"):
        build(project, ("idna",))


@pytest.mark.usefixtures("no_pip")
def test_what_no_synth_wanted_for_a_week_is_removed(project: Path) -> None:
    first = build(project)
    (project / "functions" / "dropcut" / "__init__.py").write_text("changed = True\n")
    packages = next((project / ".build").glob("packages-*"))
    for old in (first.path, packages):
        os.utime(old, (1, 1))
    second = build(project)
    assert not first.path.exists()
    assert packages.exists()
    os.utime(second.path, (1, 1))
    assert build(project).path.exists()


def test_an_interrupted_build_leaves_nothing_that_passes_for_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(artifact, "_append", interrupted)
    monkeypatch.setattr(artifact, "run_pip", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        build(project)
    assert list((project / ".build").iterdir()) == []


def test_an_unreachable_index_is_said_in_a_sentence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "functions" / "requirements.lock").write_text(f"no-such-package==1 --hash=sha256:{HASH}\n")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    for name, value in (("PIP_RETRIES", "0"), ("PIP_FIND_LINKS", ""), ("PIP_CONFIG_FILE", os.devnull)):
        monkeypatch.setenv(name, value)
    with pytest.raises(ArtifactError) as refusal:
        build(project, ("no-such-package",))
    assert "pip could not install what the functions need (no-such-package==1)" in str(refusal.value)
    assert "Is the package index reachable" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.usefixtures("no_pip")
def test_an_artifact_has_a_bill_of_materials_beside_it(project: Path) -> None:
    built = build(project, ("idna",))
    assert built.bill.parent == built.path.parent
    bill = json.loads(built.bill.read_text())
    assert (bill["bomFormat"], bill["specVersion"], bill["metadata"]["component"]["name"]) == (
        *("CycloneDX", "1.6", "dropcut"),
    )
    assert bill["components"] == [
        {
            "type": "library",
            "bom-ref": "pkg:pypi/idna@3.20",
            "name": "idna",
            "version": "3.20",
            "purl": "pkg:pypi/idna@3.20",
            "hashes": [{"alg": "SHA-256", "content": HASH}],
        }
    ]


# ---- the real ones


@pytest.mark.slow
@pytest.mark.parametrize("stage", PACKAGES)
def test_an_entry_starts_with_only_its_artifact_and_boto3_on_the_path(stage: str, tmp_path: Path) -> None:
    built = build_artifact(PACKAGES[stage], Target.this_machine())
    with zipfile.ZipFile(built.path) as archive:
        archive.extractall(tmp_path / "artifact")
    boto3 = links_to_boto3(tmp_path / "runtime")
    environment = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": stage,
        "AWS_XRAY_SDK_ENABLED": "false",
        "POWERTOOLS_SERVICE_NAME": "dropcut-test",
        "POWERTOOLS_METRICS_NAMESPACE": "Dropcut",
        **variables_of(stage),
    }
    start = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'artifact')!r}, {str(boto3)!r}]; "
        f"from dropcut.entries.{stage} import handler; assert callable(handler); "
        "found = sorted(n for n in ('pyvips', 'requests', 'PIL', 'cv2') if n in sys.modules); print(*found)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if stage == "cut":
        assert "pyvips" not in done.stdout


def links_to_boto3(folder: Path) -> Path:
    """What the Lambda runtime brings along, and nothing else of this environment's packages."""
    folder.mkdir()
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (folder / origin.name).symlink_to(origin)
    return folder


def variables_of(stage: str) -> dict[str, str]:
    """A value for each variable that the stage's environment class reads."""
    from dataclasses import fields

    from dropcut import environment

    kind = getattr(environment, f"{stage.capitalize()}Environment")
    plain = {f.name.upper(): "1" if f.type in (int, float, bool) else "https://example.com/1" for f in fields(kind)}
    return {
        **plain,
        "PROVIDER": "ezlink",
        "OUTPUT_FORMAT": "png",
        "RENDITIONS": "[]",
        "INPUTS": '[{"bucket":"photos"}]',
        "INPUT_RENDITIONS": "[]",
        "RENDITION_NAMES": "[[]]",
    }


@pytest.mark.slow
def test_the_arm64_artifact_of_prepare_holds_arm64_libraries() -> None:
    built = build_artifact(PACKAGES["prepare"], Target.for_lambda("arm64"))
    with zipfile.ZipFile(built.path) as archive:
        libraries = {n: archive.read(n) for n in archive.namelist() if ".so" in n}
    assert {name.split(".")[0] for name in libraries} >= {
        *("_cffi_backend", "_libvips", "pyvips_binary"),
        *("PIL/_imaging", "_pillow_heif"),
    }
    for name, content in libraries.items():
        assert (content[:4], content[18]) == (b"\x7fELF", AARCH64), name


@pytest.mark.slow
def test_the_artifacts_are_small_and_hold_one_package_of_ours() -> None:
    for stage, limit_mb in (("prepare", 100), ("cut", 20), ("deliver", 100)):
        built = build_artifact(PACKAGES[stage], Target.for_lambda("arm64"))
        with zipfile.ZipFile(built.path) as archive:
            assert sum(entry.file_size for entry in archive.infolist()) < limit_mb * 1_000_000, stage
        assert "dropcut/environment.py" in names(built)
        assert not [name for name in names(built) if "__pycache__" in name or name.endswith((".pyc", "/RECORD"))]
