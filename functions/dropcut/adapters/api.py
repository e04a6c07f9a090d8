"""The remove-background API over HTTP: one call, one complete reply or the reason why there is none.

No retries here and none in the HTTP library: one layer (`core/blame.py`) owns what a repeated call may cost.
"""

import hashlib
import io
import ssl
import time
from dataclasses import dataclass
from typing import Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, SSLError

from dropcut.adapters.api_key import ApiKey
from dropcut.adapters.picture_form import PictureForm
from dropcut.core.decision import NoReply, Reply
from dropcut.core.operation import Operation
from dropcut.environment import CONNECT_SECONDS, SEND_SECONDS

LONGEST_HEADER = 256
"""Of the optional headers that name the client, by the API's specification."""


_ACCEPT = {"ezlink": "application/json", "stability": "image/*"}
"""Only the JSON form shows the finish reason through the gateway; the maker shows it in a header, so bytes will do."""


@dataclass(frozen=True)
class ApiCall:
    operation: Operation
    picture: bytes
    picture_format: str
    photo_key: str
    """Of the photo that the picture was made of."""


class PaidApi(Protocol):
    def call(self, call: ApiCall, key: ApiKey) -> Reply | NoReply: ...


@dataclass(frozen=True, kw_only=True)
class Client:
    """How we introduce ourselves to the API; each of these has at most 256 characters."""

    id: str = "dropcut"
    version: str = ""
    user_id: str = "none"
    """`none`, or `folder`: a hash of the photo's top folder, so that the provider can tell customers apart."""

    def headers(self, photo_key: str) -> dict[str, str]:
        named = {"stability-client-id": self.id, "stability-client-version": self.version}
        if self.user_id == "folder":
            top = photo_key.partition("/")[0] if "/" in photo_key else ""
            digest = hashlib.sha256(top.encode("utf-8", "surrogatepass")).hexdigest()
            named["stability-client-user-id"] = digest[:32]
        return {name: value[:LONGEST_HEADER] for name, value in named.items() if value}


class HttpApi:
    """Safe to use from several threads at once."""

    def __init__(self, *, base_url: str, provider: str, timeout_seconds: float, threads: int, client: Client) -> None:
        self._base_url = base_url.rstrip("/")
        self._client = client
        self._accept = _ACCEPT[provider]
        self._timeout_seconds = timeout_seconds
        self._session = _SessionWithoutRedirects()
        self._session.trust_env = False  # a stray .netrc or proxy variable must not change who is paid
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=threads, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def call(self, call: ApiCall, key: ApiKey) -> Reply | NoReply:
        """Make the one call that may cost money. Never raises for what the network or the API does."""
        form = PictureForm(
            picture=call.picture,
            file_name=f"image.{call.picture_format}",
            fields=call.operation.fields,
            seconds=CONNECT_SECONDS + SEND_SECONDS,
        )
        operation, introduction = call.operation, self._client.headers(call.photo_key)
        del call  # ten pictures wait here at once: the form lets its own go when it is sent
        try:
            response = self._session.post(
                self._base_url + operation.path,
                data=form,
                headers={
                    "content-type": form.content_type,
                    "authorization": f"Bearer {key.value}",
                    "accept": self._accept,
                    **introduction,
                    # A connection that lay idle while the function was frozen breaks when it is written to. Nobody
                    # knows then whether the request was sent. A new one for each call costs a handshake.
                    "connection": "close",
                },
                timeout=(CONNECT_SECONDS, self._timeout_seconds),
                allow_redirects=False,  # a redirected POST becomes a GET that answers 200 with a web page
                stream=True,
            )
            with response:
                deadline = (form.sent_at or time.monotonic()) + self._timeout_seconds
                return _complete(response, deadline, operation.longest_body_bytes)
        except (requests.RequestException, HTTPError, OSError) as error:
            if _never_connected(error):
                return NoReply(request_was_sent=False, was_connected=False, detail=_cause(error))
            return NoReply(request_was_sent=form.picture_is_out, detail=f"{type(error).__name__}: {error}")


class _SessionWithoutRedirects(requests.Session):
    """Even with `allow_redirects=False` the library reads a redirect's body away, to prepare the next request."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the library's name for it
        return None


def _complete(response: requests.Response, deadline: float, most_bytes: int) -> Reply | NoReply:
    """Read to the last byte. The library's time-out is per read: an answer that drips would never end by it."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = io.BytesIO()  # gives its bytes away without a copy
    while chunk := response.raw.read1(1 << 16, decode_content=True):
        body.write(chunk)
        if body.tell() > most_bytes:
            return NoReply(request_was_sent=True, detail=f"the answer is longer than {most_bytes:,} bytes")
        if time.monotonic() > deadline:
            return NoReply(
                request_was_sent=True, detail=f"the answer was still coming in, {body.tell():,} bytes so far"
            )
    announced = headers.get("content-length")
    if announced and announced.isdigit() and "content-encoding" not in headers and body.tell() < int(announced):
        return NoReply(request_was_sent=True, detail=f"the answer ended after {body.tell():,} of {announced} bytes")
    return Reply(status=response.status_code, headers=headers, body=body.getvalue())


def _never_connected(error: BaseException) -> bool:
    """Whether it is certain that no byte of the request reached the API."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    if not isinstance(cause, MaxRetryError):
        return False
    return isinstance(cause.reason, NewConnectionError) or _certificate_was_refused(cause.reason)


def _cause(error: BaseException) -> str:
    """What the system said, without the libraries' layers around it."""
    inner = error.args[0] if error.args else error
    reason = inner.reason if isinstance(inner, MaxRetryError) and inner.reason else inner
    return str(reason).rpartition("): ")[2]


def _certificate_was_refused(reason: BaseException | None) -> bool:
    """Other errors of TLS can come at any time, also when the request is long on its way."""
    return isinstance(reason, SSLError) and any(isinstance(part, ssl.CertificateError) for part in reason.args)
