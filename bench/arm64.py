"""The artifacts as they are deployed, on an emulated arm64 processor: each entry, and a picture of each format."""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pillow_heif
import pyvips
from PIL import Image

from bench.arm64_machine import Arm64Machine, install_arm64_machine
from bench.artifacts import Built, synthesize
from bench.imports import function_surroundings
from bench.photos import SAMPLE
from bench.report import Report, Table, Target
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.surroundings import clean
from local.places import SAMPLES
from local.system import temporary_folder
from stand_in.cutouts import cut_by_ellipse

_PROBE = Path(__file__).with_name("arm64_probe.py")
_OF_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""What Lambda's runtime brings along: pure Python, the same for every processor."""
_WEBHOOKS = "https://shop.example/hook"
"""Without an address there is no function for webhooks."""
_AVIF, _BEFORE_AVIF = "avif.avif", "small.png"
"""An encoder that decides otherwise on another processor, and the picture that it was given."""
_MADE = ("sent", "full.png", "webp.webp", "jpeg.jpg", _BEFORE_AVIF, _AVIF)
"""Files of a photo: what goes to the API, and the renditions."""
_MOST_ON_AVERAGE = 0.25
"""Levels of 255. Decoders may round in other ways; a wrong colour or place is much more than that."""


@dataclass(frozen=True)
class Difference:
    """Between two pictures, in levels of 255 over all pixels and channels; colours weighted by alpha."""

    largest: float
    average: float

    def __str__(self) -> str:
        return f"{self.largest:.0f} / {self.average:.3f}" if self.largest else "none"


def measure() -> Report:
    """Raises Problem: the emulated machine cannot be had, or an entry or a picture fails on it."""
    with temporary_folder("arm64") as folder:
        built = synthesize(folder, "lambda", webhook_url=_WEBHOOKS)
        check_entries(built)
        machine = install_arm64_machine(folder / "machine")
        unpacked = {stage: each.unpack(folder / stage) for stage, each in built.items()}
        runtime = _runtime(folder / "runtime")
        imports = [[stage, _import(machine, built[stage], [unpacked[stage], runtime])] for stage in sorted(built)]
        photos, answers, here, there = (folder / name for name in ("photos", "answers", "here", "there"))
        _write_photos(photos)
        seconds = [_here("fit", photos, here)]
        _write_answers(here, answers)
        seconds += [
            _here("cutouts", photos, here, answers),
            _there(machine, unpacked["prepare"], "fit", photos, there),
            _there(machine, unpacked["deliver"], "cutouts", photos, there, answers),
        ]
        names = sorted(photo.name for photo in photos.iterdir())
        between = {
            name: {made: _difference(here / name / made, there / name / made) for made in _MADE} for name in names
        }
        lost = {name: _difference(here / name / _BEFORE_AVIF, here / name / _AVIF) for name in names}
    return _report(imports, between, lost, seconds)


def check_entries(built: Mapping[str, Built]) -> None:
    """Raises Problem: the app has not a function for each entry, so that one would not be tried."""
    entries = {path.stem for path in (REPOSITORY / "functions" / "dropcut" / "entries").glob("[!_]*.py")}
    if left_out := entries ^ built.keys():
        raise Problem(f"Entries and functions of the app differ: {', '.join(sorted(left_out))}.")


def _report(
    imports: list[list[str]],
    between: Mapping[str, Mapping[str, Difference]],
    lost: Mapping[str, Difference],
    seconds: list[float],
) -> Report:
    """`lost`: by AVIF on this machine, by photo."""
    most = max(each.average for row in between.values() for made, each in row.items() if made != _AVIF)
    of_avif = max(row[_AVIF].average / lost[name].average for name, row in between.items())
    return Report(
        title="arm64: the artifacts on an emulated processor",
        how=(
            "The artifacts that the CDK app makes for Lambda on arm64, in Debian's Python 3.13 for arm64 under QEMU. "
            "Each entry is imported with the deployed function's variables, and boto3 beside the artifact. "
            f"{len(between)} photos are made ready and cut out, with five renditions each. The functions that the "
            "imaging child calls do it, there and with this machine's own libraries. The answers are this machine's "
            "pictures within an ellipse. Each cell has the largest and the average difference between the two files' "
            "pixels, in levels of 255, colours weighted by alpha. AVIF's encoder decides otherwise on another "
            "processor, so it is held against its own loss: the last column compares this machine's last two files. "
            f"Emulated, that took {seconds[2] + seconds[3]:.0f} s, here {seconds[0] + seconds[1]:.0f} s; neither says "
            "how fast Lambda is."
        ),
        tables=[
            Table(["entry", "imported in"], imports),
            Table(
                ["photo", *_MADE, "lost by AVIF"],
                [[name, *(str(row[made]) for made in _MADE), str(lost[name])] for name, row in between.items()],
            ),
        ],
        targets=[
            Target("largest average difference of a picture but AVIF", most, _MOST_ON_AVERAGE, "levels"),
            Target("AVIF, average difference / own loss", of_avif, 1.0, "x"),
        ],
    )


def _runtime(folder: Path) -> Path:
    """A folder with boto3 and what it needs, and nothing that an artifact has to bring itself."""
    folder.mkdir()
    for name in _OF_THE_RUNTIME:
        found = importlib.util.find_spec(name)
        assert found and found.origin
        source = Path(found.origin)
        source = source.parent if found.submodule_search_locations else source
        (folder / source.name).symlink_to(source)
    return folder


def _import(machine: Arm64Machine, built: Built, path: Sequence[Path]) -> str:
    begun = time.monotonic()
    surroundings = function_surroundings(path[0]) | _path(*path)
    program = f"import {built.handler.rpartition('.')[0]}"
    _checked(machine.run(["-s", "-c", program], built.variables | surroundings))
    return f"{time.monotonic() - begun:.1f} s"


def _here(*arguments: str | Path) -> float:
    """Run the probe in this machine's Python; returns the seconds."""
    begun = time.monotonic()
    command = [sys.executable, "-s", _PROBE, *arguments]
    surroundings = clean() | _path(REPOSITORY / "functions")
    _checked(subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False))
    return time.monotonic() - begun


def _there(machine: Arm64Machine, artifact: Path, *arguments: str | Path) -> float:
    begun = time.monotonic()
    _checked(machine.run(["-s", _PROBE, *arguments], _path(artifact)))
    return time.monotonic() - begun


def _path(*folders: Path) -> dict[str, str]:
    return {"PYTHONPATH": ":".join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}


def _checked(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise Problem(f"{' '.join(map(str, done.args))} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def _write_photos(folder: Path) -> None:
    """One small photo in each format that is taken, and a phone's at its full size."""
    folder.mkdir()
    photo = pyvips.Image.thumbnail(str(SAMPLE), 800).copy_memory()
    for name in ("jpeg.jpg", "png.png", "webp.webp", "tiff.tif", "avif.avif", "gif.gif"):
        photo.write_to_file(str(folder / name))
    small = Image.open(folder / "png.png")
    small.save(folder / "bmp.bmp")
    pillow_heif.from_pillow(small).save(folder / "heic.heic", quality=90)
    phone = "phone-12mp-rotated.jpg"
    (folder / phone).write_bytes((SAMPLES / phone).read_bytes())


def _write_answers(made: Path, answers: Path) -> None:
    """What the API could have answered to what was sent."""
    answers.mkdir()
    for photo in made.iterdir():
        cut_by_ellipse(Image.open(photo / "sent")).save(answers / f"{photo.name}.png")


def _difference(here: Path, there: Path) -> Difference:
    """Raises Problem: the pictures differ in size or channels."""
    one, other = (pyvips.Image.new_from_file(str(path)) for path in (here, there))
    if (one.width, one.height, one.bands) != (other.width, other.height, other.bands):
        raise Problem(f"{there.parent.name}, {there.name}: {other} there, and {one} here.")
    apart = (_seen(one) - _seen(other)).abs()
    return Difference(largest=apart.max(), average=apart.avg())


def _seen(image: pyvips.Image) -> pyvips.Image:
    """What shows of it: a colour that is transparent counts for nothing."""
    return image.premultiply() if image.hasalpha() else image.cast("float")
