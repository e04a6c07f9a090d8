"""A client of its own for the stand-in: `requests`, one picture, and the two ways to ask."""

import base64
import io
from dataclasses import dataclass, field

import requests
from PIL import Image

from stand_in.service import REMOVE_BACKGROUND
from stand_in.stand_in import StandIn

USUAL_ACCEPT = {"ezlink": "application/json", "stability": "image/*"}


def picture(width: int = 96, height: int = 64, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    """A file of one colour."""
    content = io.BytesIO()
    Image.new(mode, (width, height), 200 if mode in ("L", "P", "I;16") else None).save(content, kind)
    return content.getvalue()


@dataclass
class Client:
    """Sends requests as the API wants them, except where a test says otherwise."""

    api: StandIn
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def profile(self) -> str:
        return self.api.service.profile.name

    def cut(
        self,
        image: bytes | None = None,
        *,
        accept: str | None = "usual",
        authorization: str | None = "usual",
        fields: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 10,
    ) -> requests.Response:
        """One call. `accept` and `authorization` None: without the header."""
        all_headers: dict[str, str | None] = {
            "accept": USUAL_ACCEPT[self.profile] if accept == "usual" else accept,
            "authorization": f"Bearer {self.api.key}" if authorization == "usual" else authorization,
            **(headers or {}),
        }
        return self.session.post(
            self.api.base_url + REMOVE_BACKGROUND,
            files={"image": ("some picture", image if image is not None else picture())},
            data=fields,
            headers=all_headers,  # type: ignore[arg-type]
            allow_redirects=False,
            timeout=timeout,
        )


def cutout_of(answer: requests.Response) -> Image.Image:
    """The picture in an answer of either form, decoded to its end."""
    content = answer.content
    if content.startswith(b"{"):
        content = base64.b64decode(answer.json()["image"], validate=True)
    result = Image.open(io.BytesIO(content))
    result.load()
    return result
