"""The form that a picture is sent in, given to the HTTP library piece by piece.

The library's own form copies the picture into one long body and keeps it until the answer is there. With ten pictures
at once that decides how much memory the function needs.
"""

import secrets
import time
from collections.abc import Iterator, Mapping

SLICE_BYTES = 1 << 16
"""The library hands so many bytes to the connection at once. Its time-out is for each of these. A time-out for the
whole picture would break off every large one on a slow line."""


class SendingTooLongError(OSError):
    """The line is too slow for this picture."""


class PictureForm:
    """A `multipart/form-data` body. It can be sent once: each piece is gone when the next one is asked for.

    Attributes:
        picture_is_out: whether all of the picture was handed to the connection. Until then the API cannot have it.
        sent_at: when the last byte was handed over (monotonic seconds); None before.
        len: in bytes; by this name the library knows the Content-Length.
    """

    def __init__(
        self, *, picture: bytes, file_name: str, fields: Mapping[str, str], seconds: float = float("inf")
    ) -> None:
        """`seconds`: how long sending may take, from now on."""
        self._seconds, self._ends_at = seconds, time.monotonic() + seconds
        self.picture_is_out = False
        self.sent_at: float | None = None
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{file_name}"\r\n\r\n'
        pieces = [head.encode(), picture, f"\r\n--{boundary}--\r\n".encode()]
        self.len = sum(map(len, pieces))
        self._pieces = [b"".join(pieces)] if self.len <= SLICE_BYTES else pieces  # a small form goes out at once

    def __iter__(self) -> Iterator[bytes]:
        """Raises SendingTooLongError: the time is up before the end."""
        while self._pieces:
            piece = self._pieces.pop(0)
            for start in range(0, len(piece), SLICE_BYTES):
                if time.monotonic() > self._ends_at:
                    raise SendingTooLongError(f"sending took longer than {self._seconds:g} s")
                if len(self._pieces) <= 1 and start + SLICE_BYTES >= len(piece):
                    self.picture_is_out = True
                yield piece[start : start + SLICE_BYTES]
        self.sent_at = time.monotonic()
