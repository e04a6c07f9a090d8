"""The form that a picture is sent in, given to the HTTP library piece by piece.

The library's own form copies the picture into one long body and keeps it until the answer is there; with ten pictures
at once that decides how much memory the function needs.
"""

import secrets
from collections.abc import Iterator, Mapping


class PictureForm:
    """A `multipart/form-data` body. It can be sent once: each piece is gone when the next one is asked for."""

    def __init__(self, *, picture: bytes, file_name: str, fields: Mapping[str, str]) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{file_name}"\r\n\r\n'
        self._pieces = [head.encode(), picture, f"\r\n--{boundary}--\r\n".encode()]
        self._length_bytes = sum(map(len, self._pieces))

    def __len__(self) -> int:
        """In bytes: becomes the Content-Length."""
        return self._length_bytes

    def __iter__(self) -> Iterator[bytes]:
        while self._pieces:
            yield self._pieces.pop(0)
