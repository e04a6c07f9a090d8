"""Makes a photo's renditions out of its original and the paid answer, and never loses what was paid for.

What can go wrong with the original costs its full size, not the cut-out: the renditions are then made of the answer
alone, and if even that cannot be, the answer is delivered as the API gave it. The note says so each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dropcut.adapters.imaging_process import ImagingFailedError
from dropcut.adapters.object_store import ObjectChangedError, ObjectGoneError, ObjectStore
from dropcut.core.job import PaidAnswer, Upload
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.core.picture_refusals import TOO_SLOW
from dropcut.core.rendition import Made, Rendition
from dropcut.observability import count, logger

MakeCutouts = Callable[[Path | None, Path, Sequence[Rendition], Path], Sequence[Made]]
"""Original (None: without it), answer, renditions, folder for the files (imaging/make_cutouts.py).

Raises PictureRefusedError: it cannot be done, for good; ImagingFailedError: trying again may help."""

TRIES_AT_FULL_SIZE = 3
"""Receives of a message after which a failure of the machinery is no longer waited out."""


@dataclass(frozen=True, kw_only=True)
class Cutouts:
    """What was made of one photo: every rendition that was asked for, or the answer alone."""

    made: Sequence[Made]
    note: str
    """Sentences for people, when something is not as asked for."""
    full_size: bool
    """Whether the photo itself went into them. Without it they may be smaller than it, and fewer than asked for."""


class NewerUploadError(Exception):
    """The photo was replaced since it was sent, and the newer one is on its way."""


@dataclass(frozen=True, kw_only=True)
class CutoutMaker:
    objects: ObjectStore
    make_cutouts: MakeCutouts
    renditions: Sequence[Rendition]
    work_bucket: str
    is_superseded: Callable[[Upload], bool]

    def make(self, upload: Upload, answer: PaidAnswer, folder: Path, *, receive_count: int) -> Cutouts:
        """Make all renditions, as files in that folder.

        Raises:
            ObjectGoneError: the paid answer is not there.
            NewerUploadError: there is no point in it any more.
            ImagingFailedError: the machinery failed; trying again may help.
        """
        paid = folder / "answer"
        self.objects.open(self.work_bucket, answer.work_key).save(paid)
        original, note = self._original(upload, folder / "original")
        for source in [original, None] if original else [None]:
            try:
                made = self.make_cutouts(source, paid, self.renditions, folder)
            except ImagingFailedError as error:
                if receive_count < TRIES_AT_FULL_SIZE:
                    raise
                note = _not_made(source, str(error))
            except PictureRefusedError as error:
                if error.code == TOO_SLOW and receive_count < TRIES_AT_FULL_SIZE:
                    raise ImagingFailedError(error.reason) from error
                note = _not_made(source, error.reason)
            else:
                return Cutouts(made=made, note=_all_notes(made, note), full_size=source is not None)
            count("CutoutsNotFullSize")
            logger.warning("The cut-out could not be made as it should be", reason=note)
        return Cutouts(made=[_as_it_came(answer, paid, self.renditions[0].name)], note=note, full_size=False)

    def _original(self, upload: Upload, path: Path) -> tuple[Path | None, str]:
        """The photo's file, byte for byte what was cut out; or why there is none."""
        if not upload.etag:  # its message is older than full-size cut-outs: what was sent was the photo itself
            return None, ""
        try:
            found = self.objects.open(upload.bucket, upload.key, upload.version_id, etag=upload.etag)
        except ObjectGoneError:
            return None, "The photo was gone before its cut-out was made, which therefore has the size sent to the API."
        except ObjectChangedError:
            if self.is_superseded(upload):
                raise NewerUploadError from None
            return (
                None,
                "The photo was replaced before its cut-out was made, which therefore has the size sent to the API.",
            )
        found.save(path)
        return path, ""


def _not_made(source: Path | None, reason: str) -> str:
    if source:
        return f"The cut-out has the size sent to the API, because it could not be made at the photo's own: {reason}"
    return f"The cut-out is as the API gave it, because nothing could be made of it: {reason}"


def _all_notes(made: Sequence[Made], note: str) -> str:
    """With the notes of the renditions, each named where there are several."""
    named = [f"{each.rendition}: {each.note}" if len(made) > 1 else each.note for each in made if each.note]
    return " ".join(text for text in (note, *named) if text)


def _as_it_came(answer: PaidAnswer, paid: Path, rendition: str) -> Made:
    return Made(
        rendition=rendition,
        path=str(paid),
        format=answer.format,
        width=answer.width,
        height=answer.height,
        size_bytes=paid.stat().st_size,
    )
