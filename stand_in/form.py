"""Reads a multipart form from bytes, safely for any content (RFC 7578, RFC 2046)."""

import re
from collections.abc import Iterator
from email.message import Message

_AFTER_DELIMITER = re.compile(rb"(?P<last>--)?[ \t]*(?P<line_end>\r\n)?")


class FormError(ValueError):
    """The body is not a multipart form that can be read to its end."""


class NotAFormError(FormError):
    """The content type does not announce a multipart form with a boundary."""


def read_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """Each field's bytes by its name; of a name that comes twice, the first.

    Raises NotAFormError for another content type, FormError for a broken body or a missing boundary.
    """
    fields: dict[str, bytes] = {}
    for head, content in _parts(_boundary_of(content_type), body):
        fields.setdefault(_field_name(head), content)
    return fields


def _boundary_of(content_type: str) -> bytes:
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary", failobj="")
    if (
        header.get_content_type() != "multipart/form-data"
        or not isinstance(boundary, str)
        or not 0 < len(boundary) <= 70
    ):
        raise NotAFormError(content_type)
    return boundary.encode("latin-1", "replace")


def _parts(boundary: bytes, body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The head and the content of each part."""
    delimiter = b"\r\n--" + boundary
    body = b"\r\n" + body  # so that the first delimiter looks like the others
    _, start, last = _next_delimiter(body, delimiter, 0)
    while not last:
        end, next_start, last = _next_delimiter(body, delimiter, start - 2)  # -2: an empty part shares the line end
        head, blank_line, content = body[start:end].partition(b"\r\n\r\n")
        if body.startswith(b"\r\n", start):  # a part without any header
            head, blank_line, content = b"", b"\r\n\r\n", body[start + 2 : end]
        if not blank_line:
            raise FormError("a part has no blank line after its headers")
        yield head, content
        start = next_start


def _next_delimiter(body: bytes, delimiter: bytes, start: int) -> tuple[int, int, bool]:
    """Where the next delimiter begins, where what follows it begins, and whether it closes the form.

    The same bytes inside a picture are no delimiter unless the rest of the line agrees.
    """
    while (at := body.find(delimiter, start)) >= 0:
        rest = _AFTER_DELIMITER.match(body, at + len(delimiter))
        if rest and (rest["last"] or rest["line_end"]):
            return at, rest.end(), bool(rest["last"])
        start = at + 1
    raise FormError("a boundary is missing")


def _field_name(head: bytes) -> str:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            header = Message()
            header["content-disposition"] = value.strip()
            field = header.get_param("name", failobj="", header="content-disposition")
            if isinstance(field, str) and field:
                return field
    raise FormError("a part has no name")
