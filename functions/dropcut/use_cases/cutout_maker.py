"""Makes a photo's renditions out of its original and the paid answer, and never loses what was paid for.

If the original fails, the photo loses its full size, but not its cut-out: the renditions are made of the answer alone.
If even that fails, the answer is delivered as the API gave it. The note says so each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dropcut.adapters.imaging_process import ImagingFailedError
from dropcut.adapters.object_store import ObjectChangedError, ObjectGoneError, ObjectStore, not_there_yet
from dropcut.core.messages import PaidAnswer, Upload
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.core.picture_refusals import TOO_SLOW
from dropcut.core.ports import Together
from dropcut.core.quality import Quality, quality_of
from dropcut.core.rendition import MadeCutouts, Rendition, RenditionFile
from dropcut.observability import count, logger

MakeCutouts = Callable[[Path | None, Path, Sequence[Rendition], Path], MadeCutouts]
"""Original (None: without it), answer, renditions, folder for the files (imaging/make_cutouts.py).

Raises PictureRefusedError: it cannot be done, for good; ImagingFailedError: trying again may help."""

MakeReplacement = Callable[[Path, tuple[int, int], Sequence[Rendition], Path], Sequence[RenditionFile]]
"""A person's own cut-out, width and height of the answer in its place, renditions, folder. Raises as `MakeCutouts`."""

TRIES_AT_FULL_SIZE = 3
"""Receives of a message after which a failure of the machinery is no longer waited out."""
TRIES_TO_READ = 7
"""The same for an error of S3 or KMS. What lasts for a quarter of an hour is a role or a policy, and no hiccup."""
_AT_SENT_SIZE = "which therefore has the size sent to the API."


class AnswerGoneError(ObjectGoneError):
    """The answer that was paid for is not kept any more."""


@dataclass(frozen=True, kw_only=True)
class MadeFrom:
    """What the renditions of one photo are made of, as files."""

    answer: Path
    original: Path | None
    """Byte for byte what was cut out; None when there is none."""
    note: str = ""
    """Why there is none, in a sentence for people."""
    is_another: bool = False
    """Whether the object at the photo's key is another one by now."""
    has_tags: bool = True
    """Whether the photo may have tags."""


@dataclass(frozen=True, kw_only=True)
class Cutouts:
    """What was made of one photo: every rendition that was asked for, or the answer alone."""

    made: Sequence[RenditionFile]
    note: str
    """Sentences for people, when something is not as asked for."""
    full_size: bool
    """Whether the photo itself went into them. Without it they may be smaller than it, and fewer than asked for."""
    quality: Quality | None = None
    """The verdict; None without the photo, or when it could not be measured."""


@dataclass(frozen=True, kw_only=True)
class CutoutMaker:
    objects: ObjectStore
    make_cutouts: MakeCutouts
    renditions: Sequence[Rendition]
    work_bucket: str
    together: Together
    clock: Callable[[], float]

    def fetch(self, upload: Upload, answer: PaidAnswer, folder: Path, *, receive_count: int) -> MadeFrom:
        """Bring answer and photo into that folder.

        Raises:
            AnswerGoneError: the paid answer is not there.
            ObjectGoneError: the photo is not there yet.
        """
        paid = folder / "answer"
        _none, made_from = self.together(
            partial(self._save_answer, answer, paid),
            partial(self._original, upload, MadeFrom(answer=paid, original=None), folder / "original", receive_count),
        )
        return made_from  # type: ignore[no-any-return] # what `together` gives back has any type

    def make(
        self, upload: Upload, answer: PaidAnswer, made_from: MadeFrom, folder: Path, *, receive_count: int
    ) -> Cutouts:
        """Make the renditions that were chosen for the photo, as files in that folder.

        Raises:
            ImagingFailedError: the machinery failed; trying again may help.
        """
        renditions = upload.choices.chosen_from(self.renditions)
        note = " ".join(text for text in (answer.note, made_from.note) if text)
        for source in [made_from.original, None] if made_from.original else [None]:
            try:
                made = self.make_cutouts(source, made_from.answer, renditions, folder)
            except ImagingFailedError as error:
                if receive_count < TRIES_AT_FULL_SIZE:
                    raise
                note = _not_made(source, str(error))
            except PictureRefusedError as error:
                if error.code == TOO_SLOW and receive_count < TRIES_AT_FULL_SIZE:
                    raise ImagingFailedError(error.reason) from error
                note = _not_made(source, error.reason)
            else:
                return _judged(made, note, full_size=source is not None)
            count("CutoutsNotFullSize")
            logger.warning("The cut-out could not be made as it should be", reason=note)
        as_it_came = _as_it_came(answer, made_from.answer, renditions[0].name)
        return Cutouts(made=[as_it_came], note=note, full_size=False)

    def _save_answer(self, answer: PaidAnswer, path: Path) -> None:
        try:
            self.objects.open(self.work_bucket, answer.work_key).save(path)
        except ObjectGoneError as error:
            raise AnswerGoneError(str(error)) from error

    def _original(self, upload: Upload, without: MadeFrom, path: Path, receive_count: int) -> MadeFrom:
        if not upload.etag:  # its message is older than full-size cut-outs: what was sent was the photo itself
            return without
        try:
            found = self.objects.open(upload.bucket, upload.key, upload.version_id, etag=upload.etag)
            found.save(path)
        except ObjectGoneError:
            if not_there_yet(upload, now=self.clock()):
                raise
            return replace(without, note=f"The photo was gone before its cut-out was made, {_AT_SENT_SIZE}")
        except ObjectChangedError:
            note = f"The photo was replaced before its cut-out was made, {_AT_SENT_SIZE}"
            return replace(without, note=note, is_another=True)
        except Exception as error:  # a role, a policy or a key that was changed: what is paid for is delivered
            if receive_count < TRIES_TO_READ:
                raise
            logger.exception("The photo cannot be read any more")
            note = f"The photo could not be read to make its cut-out ({type(error).__name__}), {_AT_SENT_SIZE}"
            return replace(without, note=note)
        return MadeFrom(answer=without.answer, original=path, has_tags=found.tag_count > 0)


def _judged(made: MadeCutouts, note: str, *, full_size: bool) -> Cutouts:
    quality = quality_of(made.measures) if made.measures else None
    if quality:
        count(CutoutsDoubtful=bool(quality.doubts))  # its average is the share of all that were judged
    return Cutouts(made=made.files, note=_all_notes(made.files, note), full_size=full_size, quality=quality)


def _not_made(source: Path | None, reason: str) -> str:
    if source:
        return f"The cut-out has the size sent to the API, because it could not be made at the photo's own: {reason}"
    return f"The cut-out is as the API gave it, because nothing could be made of it: {reason}"


def _all_notes(made: Sequence[RenditionFile], note: str) -> str:
    """With the notes of the renditions, each named where there are several."""
    named = [f"{each.rendition}: {each.note}" if len(made) > 1 else each.note for each in made if each.note]
    return " ".join(text for text in (note, *named) if text)


def _as_it_came(answer: PaidAnswer, paid: Path, rendition: str) -> RenditionFile:
    return RenditionFile(
        rendition=rendition,
        path=str(paid),
        format=answer.format,
        width=answer.width,
        height=answer.height,
        size_bytes=paid.stat().st_size,
    )
