"""Multipart forms: any bytes, any boundary, and what is broken."""

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from stand_in.form import FormError, NotAFormError, read_form


@given(
    image=st.binary(max_size=300) | st.sampled_from([b"\r\n", b"--", b"\r\n--b", b"\r\n--b-", b"\r\n\r\n", b""]),
    boundary=st.text("abcXYZ019'+_,-./:=?", min_size=1, max_size=70),
)
def test_the_bytes_that_were_sent_are_the_bytes_that_are_read(image: bytes, boundary: str) -> None:
    if f"\r\n--{boundary}".encode() in b"\r\n" + image:
        return  # a sender has to choose another boundary
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a;b=\\"c\\".png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    ).encode()
    end = f"\r\n--{boundary}"
    field = f"{end}\r\ncontent-disposition: form-data; name=output_format\r\n\r\nwebp{end}--\r\n"
    body += image + field.encode()
    fields = read_form(f'multipart/form-data; boundary="{boundary}"', body)
    assert fields == {"image": image, "output_format": b"webp"}


def test_what_requests_sends_is_read() -> None:
    prepared = requests.Request("POST", "http://x", files={"image": ("ü.png", b"\x00\xff")}, data={"a": "b"}).prepare()
    assert isinstance(prepared.body, bytes)
    assert read_form(prepared.headers["content-type"], prepared.body) == {"image": b"\x00\xff", "a": b"b"}


def test_a_preamble_and_an_epilogue_are_ignored_and_the_first_of_two_fields_counts() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n'
    body = b"preamble\r\n" + part + b"1\r\n" + part + b"2\r\n--b-- \r\nepilogue"
    assert read_form("multipart/form-data; boundary=b", body) == {"image": b"1"}


def test_a_line_that_only_starts_like_the_boundary_is_content() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nx\r\n--bc\r\ny\r\n--b--\r\n'
    assert read_form("multipart/form-data; boundary=b", body) == {"image": b"x\r\n--bc\r\ny"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"--b\r\n",
        b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nx',
        b'--b\r\nContent-Disposition: form-data; name="image"\r\n--b--',
        b"--b\r\n\r\nno name\r\n--b--",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--b--",
    ],
)
def test_a_broken_form_is_refused(body: bytes) -> None:
    with pytest.raises(FormError):
        read_form("multipart/form-data; boundary=b", body)


@pytest.mark.parametrize(
    "content_type", ["", "image/png", "multipart/form-data", "multipart/mixed; boundary=b", "nonsense"]
)
def test_another_content_type_is_no_form(content_type: str) -> None:
    with pytest.raises(NotAFormError):
        read_form(content_type, b"--b--")
