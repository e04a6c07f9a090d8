"""Held photos in a deployment in memory, with pictures that a browser shows."""

import io
from collections.abc import Mapping
from itertools import product

from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.core.messages import OutcomeMessage, PaidAnswer, Upload
from dropcut.core.quality import Doubt, Quality
from dropcut.core.rendition import RenditionFile
from dropcut.core.review import Held
from PIL import Image

from dropcut_cli.deployment import Deployment
from tests.functions.cloud import INPUT, OUTPUT

NOW = 1_722_081_600.0
SIDE = 900
"""Of the photos, in pixels: more than a tile of the page shows at once."""


def encoded(picture: Image.Image, format_: str = "png") -> bytes:
    """As a file."""
    content = io.BytesIO()
    picture.save(content, format_)
    return content.getvalue()


def photo_and_cutout() -> tuple[bytes, bytes]:
    """A blue square with small windows on grey; the cut-out has one hole more, at (700, 200)."""
    blue, grey, clear = (20, 40, 160), (200, 200, 200), (0, 0, 0, 0)
    photo, cutout = Image.new("RGB", (SIDE, SIDE), grey), Image.new("RGBA", (SIDE, SIDE), clear)
    for picture in (photo, cutout):
        picture.paste(blue, (100, 100, 800, 800))
        for x, y in product(range(140, 400, 40), range(500, 780, 40)):
            picture.paste(grey if picture is photo else clear, (x, y, x + 20, y + 20))
    cutout.paste(clear, (660, 160, 740, 240))
    return encoded(photo), encoded(cutout)


def hold(
    deployment: Deployment,
    key: str,
    *,
    score: float = 0.1,
    sequencer: str = "01",
    pictures: tuple[bytes, bytes] | None = None,
    renditions: Mapping[str, str] | None = None,
) -> Upload:
    """A photo that waits for a decision; with `pictures`, the photo and its cut-out lie where they belong.

    `renditions`: by name, the key of each.
    """
    s3, etag = deployment.client("s3"), None
    if pictures:
        etag = s3.put_object(Bucket=INPUT, Key=key, Body=pictures[0])["ETag"]
    upload = Upload(bucket=INPUT, key=key, sequencer=sequencer, etag=etag)
    paths = renditions or {"full": f"held/{key}.png"}
    files = [
        RenditionFile(
            rendition=each,
            path=path,
            format="jpeg" if path.endswith(".jpg") else "png",
            width=SIDE,
            height=SIDE,
            size_bytes=1,
        )
        for each, path in paths.items()
    ]
    for path in paths.values() if pictures else ():
        s3.put_object(Bucket=OUTPUT, Key=path, Body=pictures[1] if pictures else b"")
    answer = PaidAnswer(
        work_key="paid/x.png", picture_sha256="x", format="png", width=SIDE, height=SIDE, credits=2, request_id=None,
        provider="p",
    )  # fmt: skip
    held = Held(
        outcome=OutcomeMessage(upload=upload, outcome=answer),
        files=files,
        renditions="[]",
        note="",
        quality=Quality(score, (Doubt("holes", "Holes in the subject end where the photo has no edge (1 in all)."),)),
    )
    JobRecords(table=deployment.table).begin(upload, now=NOW)
    assert HeldRecords(table=deployment.table).hold(held, now=NOW)
    return upload
