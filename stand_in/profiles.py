"""The two faces of the API: the maker's own, and the gateway's in front of it."""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from stand_in import errors
from stand_in.errors import Error
from stand_in.replies import Reply, error_body, picture_json, request_id_of_the_gateway, request_id_of_the_maker

ProfileName = Literal["ezlink", "stability"]
PROFILE_NAMES: tuple[ProfileName, ...] = get_args(ProfileName)

Check = Literal["door", "form", "size", "fields", "key", "credits"]
"""`door`: the rate limit and its lock-out, and the faults that stand in front of everything else."""

GATEWAY_MEASURES_UP_TO_BYTES = 2048
"""Go's HTTP server, which the gateway is written with, sends longer answers in chunks."""


@dataclass(frozen=True)
class Success:
    """A call that succeeded, before it has a form."""

    picture: bytes
    output_format: str
    accept: str
    finish_reason: str = "SUCCESS"
    seed: int | None = None


class Profile(Protocol):
    """How one of the two takes a call and how it answers."""

    name: ProfileName
    checks: tuple[Check, ...]
    usual_credits_per_image: float
    has_balance_route: bool

    def key_in(self, authorization: str) -> str | None:
        """The key in the authorization header, or None where this profile sees none."""

    def refuses_accept(self, accept: str | None) -> bool:
        """Whether this accept header is refused before any work."""

    def success(self, success: Success) -> Reply:
        """A success in this profile's form."""

    def error(self, error: Error, key: str = "") -> Reply:
        """An error in its shape, with this profile's headers."""

    def key_error(self, state: str) -> Error:
        """What a key is answered that is unknown, revoked or banned."""

    out_of_credits: Error


class Maker:
    """Stability AI's own API."""

    name: ProfileName = "stability"
    checks: tuple[Check, ...] = ("door", "form", "size", "fields", "key", "credits")
    usual_credits_per_image = 5.0
    has_balance_route = True
    out_of_credits = errors.PAYMENT_REQUIRED

    def key_in(self, authorization: str) -> str | None:
        """Bearer, and nothing else."""
        scheme, _, key = authorization.partition(" ")
        return key.strip() or None if scheme == "Bearer" else None

    def refuses_accept(self, accept: str | None) -> bool:
        """Any image type is taken for `image/*`, and so is no header at all."""
        return accept is not None and not (wants_json(accept) or "image/" in accept or "*/*" in accept)

    def success(self, success: Success) -> Reply:
        """Bytes with the facts in headers, or JSON with the facts inside."""
        image_type = f"image/{success.output_format}"
        headers = {"x-request-id": request_id_of_the_maker()}
        if wants_json(success.accept):
            body = picture_json(success.picture, success.finish_reason, success.seed)
            return Reply(200, {"content-type": f"application/json; type={image_type}", **headers}, body)
        headers = {"content-type": image_type, "finish-reason": success.finish_reason, **headers}
        if success.seed is not None:
            headers["seed"] = str(success.seed)
        return Reply(200, headers, success.picture)

    def error(self, error: Error, key: str = "") -> Reply:
        """The body's `id` is sent as a header, too."""
        request_id = request_id_of_the_maker()
        content_type, body = error_body(error, request_id=request_id, gateway_request_id=request_id, key=key)
        headers = {"content-type": content_type} if content_type else {}
        if error.has_id and error.shape != "html":
            headers["x-request-id"] = request_id
        return Reply(error.status, headers | dict(error.headers), body)

    def key_error(self, state: str) -> Error:  # noqa: ARG002 - the maker says the same of all of them
        """401 for all of them."""
        return errors.UNAUTHORIZED


class Gateway:
    """EZLINK AI's gateway: its own key and balance first, then the maker's answer with most headers lost."""

    name: ProfileName = "ezlink"
    checks: tuple[Check, ...] = ("key", "credits", "door", "form", "size", "fields")
    usual_credits_per_image = 2.0
    has_balance_route = False
    out_of_credits = errors.GATEWAY_OUT_OF_BALANCE

    def key_in(self, authorization: str) -> str | None:
        """With Bearer in front or bare."""
        return authorization.removeprefix("Bearer ").strip() or None

    def refuses_accept(self, accept: str | None) -> bool:  # noqa: ARG002 - see `success`
        """Never before the work: what it cannot read it notices after the maker has been paid."""
        return False

    def success(self, success: Success) -> Reply:
        """Only with one of the two literals in `accept` does the gateway find its way through the maker's
        answer."""
        if success.accept == "application/json":
            body = picture_json(success.picture, success.finish_reason, success.seed)
            return self._reply(200, "text/plain; charset=utf-8", body)
        if success.accept == "image/*":
            return self._reply(200, f"image/{success.output_format}", success.picture)
        return self.error(errors.GATEWAY_BROKE_OFF)

    def error(self, error: Error, key: str = "") -> Reply:
        """The maker's errors pass with their body, as text; the gateway's own are JSON."""
        request_id = request_id_of_the_gateway()
        content_type, body = error_body(
            error, request_id=request_id_of_the_maker(), gateway_request_id=request_id, key=key
        )
        if error.shape in ("maker", "maker_old"):
            content_type = "text/plain; charset=utf-8"
        reply = self._reply(error.status, content_type, body, request_id)
        if error.shape == "html":
            del reply.headers["X-Oneapi-Request-Id"]  # an edge in front of the gateway: it never came that far
        reply.headers |= dict(error.headers)
        return reply

    def key_error(self, state: str) -> Error:
        """The gateway says that an account is banned."""
        return errors.GATEWAY_BANNED if state == "banned" else errors.GATEWAY_UNAUTHORIZED

    def _reply(self, status: int, content_type: str, body: bytes, request_id: str | None = None) -> Reply:
        headers = {"content-type": content_type} if content_type else {}
        headers["X-Oneapi-Request-Id"] = request_id or request_id_of_the_gateway()
        return Reply(status, headers, body, chunked=len(body) > GATEWAY_MEASURES_UP_TO_BYTES)


def wants_json(accept: str) -> bool:
    """Whether the client asked for base64 in JSON."""
    return "application/json" in accept


def profile_named(name: str) -> Profile:
    """Raises ValueError, with the names there are, for any other."""
    profiles: dict[str, Profile] = {"ezlink": Gateway(), "stability": Maker()}
    if name not in profiles:
        raise ValueError(f"There is no profile {name!r}; there are {', '.join(profiles)}.")
    return profiles[name]
