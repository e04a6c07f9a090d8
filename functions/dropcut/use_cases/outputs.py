"""Writes renditions into the output bucket: each under its name, never over another photo's, never over a newer one."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from dropcut.adapters.object_store import ObjectStore
from dropcut.core.job import PaidAnswer, Upload
from dropcut.core.output_naming import output_keys
from dropcut.core.rendition import FORMATS, Made, Rendition
from dropcut.core.rendition_setting import FULL

LOOKS_AT_A_NAME = 3
_LONGEST_METADATA_KEY = 1_000
"""All metadata of an object share 2 KiB; a longer key stands there as its hash alone."""


class OutputKeepsChangingError(RuntimeError):
    """Others wrote to every name of this cut-out while we looked; trying again will help."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    objects: ObjectStore
    bucket: str

    def write(self, upload: Upload, answer: PaidAnswer, rendition: Rendition, made: Made) -> str | None:
        """Write under the first name that is free or this photo's own; None when a newer one's cut-out is there."""
        metadata = _provenance(upload, answer, rendition)
        write = partial(
            self.objects.write_if_unchanged,
            self.bucket,
            body=Path(made.path),
            content_type=f"image/{made.format}",
            metadata=metadata,
        )
        for output_key in output_keys(upload.key, rendition, FORMATS[made.format]):
            if write(output_key, seen_etag=None):  # most cut-outs are new: look only when this one is not
                return output_key
            for _look in range(LOOKS_AT_A_NAME):  # again when somebody wrote since: it may have been our own double
                there = self.objects.metadata_and_etag(self.bucket, output_key)
                seen_etag = None
                if there is not None:
                    found, seen_etag = there
                    if _owner(found) != _owner(metadata):
                        break
                    if found.get("dropcut-sequencer", "") > upload.sequencer:
                        return None
                if write(output_key, seen_etag=seen_etag):
                    return output_key
        raise OutputKeepsChangingError(f"No name for the cut-out of {upload.key!r} could be written in {self.bucket}")


def _owner(metadata: Mapping[str, str]) -> tuple[str | None, str]:
    """Whose a name is: the photo's, and of its renditions which. Older cut-outs do not say: they are all `full`."""
    return metadata.get("dropcut-source-sha256"), metadata.get("dropcut-rendition", FULL.name)


def _provenance(upload: Upload, answer: PaidAnswer, rendition: Rendition) -> Mapping[str, str]:
    """Where a cut-out comes from, as object metadata (ASCII; S3 allows 2 KiB)."""
    source = quote(upload.key, safe="/")
    return {
        "dropcut-source": source if len(source) <= _LONGEST_METADATA_KEY else "too-long",
        "dropcut-source-sha256": hashlib.sha256(upload.key.encode("utf-8", "surrogatepass")).hexdigest(),
        "dropcut-source-version": upload.version_id or "none",
        "dropcut-rendition": rendition.name,
        "dropcut-sequencer": upload.sequencer,
        "dropcut-job-id": upload.job_id,
        "dropcut-request-id": answer.request_id or "none",
        "dropcut-credits": f"{answer.credits:g}",
        "dropcut-picture-sha256": answer.picture_sha256,
        "dropcut-provider": answer.provider,
    }
