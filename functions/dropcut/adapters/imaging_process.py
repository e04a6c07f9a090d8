"""Has each picture decoded in a process of its own (imaging/child.py), and returns what became of it.

A stranger's file can crash a decoder, eat memory or time, or take the process over. It harms nobody but itself. The
process and its children are ended before anybody looks at what they made. If that is no good, the picture is refused.
"""

import logging
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dropcut.adapters import decoder_results
from dropcut.adapters.decoder_process import DecoderEndedError, DecoderProcess, ForkServer, ServerLostError
from dropcut.adapters.decoder_results import UntrueAnswerError
from dropcut.adapters.scratch import scratch_folder
from dropcut.core import picture_refusals
from dropcut.core.formats.photo_format import looks_like, recognise
from dropcut.core.picture_limits import DecodeLimits, Fitted
from dropcut.core.quality import Measures
from dropcut.core.rendition import MadeCutouts, Rendition, RenditionFile

CHILD = "dropcut.imaging.child"
_CRASHES = {-getattr(signal, f"SIG{name}") for name in ("SEGV", "BUS", "ILL", "FPE", "ABRT", "TRAP", "SYS")}
"""Return codes of signals that a program brings upon itself. Others come from the system, or a person."""
_SAYS_NO_MEMORY = re.compile(r"failed to allocate|out of memory|bad_alloc|MemoryError|creating thread", re.IGNORECASE)
"""What C libraries say before they abort because they got no memory (GLib, C++), as far as they say anything."""


class ImagingFailedError(RuntimeError):
    """Not the picture's fault: the disk is full, a process could not be started or was ended from outside."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """What holds a process that decodes, as it found before it saw a photo."""

    layers: Mapping[str, bool]
    """By the names in imaging/sandbox.py, whether the kernel put it on."""
    exposed: bool
    """Whether it could read this function's environment or memory, and so its credentials."""


class ImagingProcess:
    """Safe to use from several threads. The libraries stay loaded between photos and between invocations."""

    def __init__(
        self,
        *,
        seconds: float,
        memory_mib: int,
        formats: Sequence[str] = (),
        refuse_exposed: bool = False,
        report: Callable[[Sandbox], None] = lambda _: None,
        module: str = CHILD,
    ) -> None:
        """The process is started with the first photo.

        Args:
            seconds, memory_mib: limits for one photo, on the clock, and of its process's own memory.
            formats: those that are taken; all if none is named.
            refuse_exposed: decode nothing while a process could read this function's credentials.
            report: is called for each process with the layers that hold it.
        """
        self._seconds, self._formats, self._refuse_exposed, self._report = seconds, formats, refuse_exposed, report
        self._start = partial(ForkServer, module, memory_mib)
        self._server: ForkServer | None = None
        self._lock = threading.Lock()

    def fit(self, source: Path, target: Path, limits: DecodeLimits) -> Fitted:
        """Write to `target` what is to be sent for the photo in `source` (imaging/fit.py).

        Raises:
            PictureRefusedError: the picture is at fault; also when it crashes its decoder, or takes too much memory
                or time.
            ImagingFailedError: it is not; trying again may help.
        """
        with self._done("fit", {"photo": source}, limits=asdict(limits)) as (done, made):
            return decoder_results.fitted(done, made, target)

    def make_cutouts(
        self,
        original: Path | None,
        answer: Path,
        renditions: Sequence[Rendition],
        folder: Path,
        *,
        limits: DecodeLimits,
        colour: str,
    ) -> MadeCutouts:
        """Make all renditions of one photo, as files in that folder (imaging/make_cutouts.py). Raises as `fit`."""
        given = {"answer": answer} | ({"photo": original} if original else {})
        asked = [asdict(rendition) for rendition in renditions]
        with self._done("make_cutouts", given, renditions=asked, limits=asdict(limits), colour=colour) as (done, made):
            files = decoder_results.rendition_files(done, made, renditions, folder, limits)
            return MadeCutouts(files, _measures(done.get("measures")))

    def make_replacement(
        self,
        picture: Path,
        shape: tuple[int, int],
        renditions: Sequence[Rendition],
        folder: Path,
        *,
        limits: DecodeLimits,
    ) -> Sequence[RenditionFile]:
        """Make all renditions of a cut-out that a person made, as files in that folder (imaging/make_cutouts.py).

        Raises as `fit`.
        """
        asked = [asdict(rendition) for rendition in renditions]
        given = {"picture": picture}
        with self._done("make_replacement", given, renditions=asked, limits=asdict(limits), shape=shape) as (
            done,
            made,
        ):
            return decoder_results.rendition_files(done, made, renditions, folder, limits)

    def probe(self) -> Sandbox:
        """What would hold a process that decodes. Raises ImagingFailedError."""
        with scratch_folder("imaging") as folder, self._forked(_furnished(folder, {})) as process:
            return Sandbox(**process.ready["ready"])

    def close(self) -> None:
        """End the libraries' process, and all that it made."""
        with self._lock:
            if self._server:
                self._server.end()
            self._server = None

    @contextmanager
    def _done(self, do: str, given: Mapping[str, Path], **arguments: Any) -> Iterator[tuple[dict[str, Any], Path]]:
        """The answer of a process that has ended, and the folder with its files. Raises as `fit`."""
        request = {"do": do, "seconds": self._seconds, "arguments": arguments}
        try:
            self._check_format(given.get("photo"))
            with scratch_folder("imaging") as name:
                folder = _furnished(name, given)
                yield self._answer(folder, request), folder / "made"
        except UntrueAnswerError as error:
            raise picture_refusals.decoder_crashed(str(error)) from error
        except OSError as error:
            raise ImagingFailedError(f"{type(error).__name__}: {error}") from error

    def _check_format(self, photo: Path | None) -> None:
        """Before any decoder sees it. Raises PictureRefusedError."""
        if photo and self._formats:
            with photo.open("rb") as file:
                start = file.read(4096)
            if recognise(start) not in self._formats:
                raise picture_refusals.turned_off(looks_like(start), self._formats)

    def _answer(self, folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            with self._forked(folder) as process:
                self._heed(Sandbox(**process.ready["ready"]))
                answer = process.ask(request, seconds=self._seconds)
        except DecoderEndedError as ended:
            raise _fault(ended, self._seconds) from ended
        if "refused" in answer:
            raise decoder_results.refusal(answer["refused"])
        if "failed" in answer:
            raise ImagingFailedError(decoder_results.sentence(answer["failed"]))
        return decoder_results.done(answer)

    def _heed(self, sandbox: Sandbox) -> None:
        self._report(sandbox)
        if sandbox.exposed and self._refuse_exposed:
            raise ImagingFailedError(
                "A process that decodes photos could read this function's credentials, and `refuse_exposed` is set: "
                "nothing is decoded."
            )

    @contextmanager
    def _forked(self, folder: Path) -> Iterator[DecoderProcess]:
        """A process, ended with the context. Raises ImagingFailedError."""
        try:
            process = DecoderProcess(self._running(), folder)
            try:
                yield process
            finally:
                process.end()
        except ServerLostError as error:
            raise ImagingFailedError(str(error)) from error

    def _running(self) -> ForkServer:
        """The fork server; another one if it was ended meanwhile, for lack of memory. Raises ServerLostError."""
        with self._lock:
            if self._server and not self._server.is_running():
                self._server.end()
                self._server = None
            self._server = self._server or self._start()
            return self._server


def _measures(said: object) -> Measures | None:
    """None also for what cannot be believed: a cut-out is never lost because nothing can be said of it."""
    try:
        return Measures.from_fields(said) if said is not None else None
    except ValueError as error:
        logging.getLogger(__name__).warning("A cut-out has no verdict: %s", error)
        return None


def _furnished(name: str, given: Mapping[str, Path]) -> Path:
    """A folder for one process, with the files that it is to work on, by names of ours."""
    folder = Path(name)
    for part in ("given", "made"):
        (folder / part).mkdir()
    for part, file in given.items():
        try:
            (folder / "given" / part).hardlink_to(file)
        except OSError:  # on another disk
            shutil.copyfile(file, folder / "given" / part)
    return folder


def _fault(ended: DecoderEndedError, seconds: float) -> Exception:
    """Whose fault it is that a process ended."""
    if ended.returncode == -signal.SIGXCPU:
        return picture_refusals.too_slow(seconds)
    if ended.returncode is not None and ended.returncode < 0 and ended.returncode not in _CRASHES:
        return ImagingFailedError(f"The imaging process ended ({ended}): {decoder_results.sentence(ended.last_words)}")
    if _SAYS_NO_MEMORY.search(ended.last_words):
        return picture_refusals.too_much_memory()
    return picture_refusals.decoder_crashed(str(ended))
