"""The stand-in as one object, for tests and for the command line."""

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from stand_in import control
from stand_in.accounts import Accounts, KeyState
from stand_in.cutter import Cutter
from stand_in.profiles import profile_named
from stand_in.server import Server
from stand_in.service import Behaviour, Service
from stand_in.window import WindowLimits

USUAL_KEY = "sk-stand-in-key"


class StandIn:
    """A running stand-in. A context manager: leaves nothing behind.

    `keys` maps each key to its credits (None: without end); `credits_per_image` None is the profile's usual
    price; `port` 0 is a free one. Raises OSError when the port is taken, ValueError for an unknown profile.
    """

    def __init__(
        self,
        profile: str = "ezlink",
        *,
        keys: Mapping[str, float | None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        latency_seconds: float = 0.0,
        window_requests: int = 150,
        window_seconds: float = 10.0,
        lockout_seconds: float = 60.0,
        credits_per_image: float | None = None,
        segmentation: bool = False,
        access_log: bool = False,
    ) -> None:
        face = profile_named(profile)
        credits_by_key: dict[str, float | None] = dict(keys or {USUAL_KEY: None})
        self.key = next(iter(credits_by_key))
        self.service = Service(
            profile=face,
            accounts=Accounts(credits_by_key),
            behaviour=Behaviour(
                latency_seconds=latency_seconds,
                credits_per_image=face.usual_credits_per_image if credits_per_image is None else credits_per_image,
                limits=WindowLimits(window_requests, window_seconds, lockout_seconds),
            ),
            cutter=Cutter(segmentation=segmentation),
        )
        self._server = Server((host, port), self.service, access_log=access_log)
        self.base_url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def start(self) -> None:
        """Answer from now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End all connections and free the port."""
        self._server.stop()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def fault(self, name: str, **options: Any) -> None:
        """Switch a fault on: `times` (1; None for always), `probability`, `picture_sha256`, `seconds`."""
        control.set_fault(self.service, {"fault": name, **options})

    def clear_faults(self) -> None:
        """All switches off."""
        self.service.switches.clear()

    def calls(self) -> list[dict[str, Any]]:
        """Every call so far, as `GET /_stand_in/calls` gives them."""
        return self.service.log.as_json()

    def forget_calls(self) -> None:
        """Start the log anew."""
        self.service.log.clear()

    def summary(self) -> dict[str, Any]:
        """As `GET /_stand_in/summary`."""
        return control.summary(self.service)

    def set_credits(self, key: str, credits: float | None) -> None:
        """Give the key this many credits (None: without end); a new key becomes known."""
        self.service.accounts.set_credits(key, credits)

    def set_key_state(self, key: str, state: KeyState) -> None:
        """Make the key valid, revoked or banned."""
        control.set_key(self.service, {"key": key, "state": state})

    def configure(self, **options: Any) -> None:
        """Change latency_seconds, credits_per_image, window_requests, window_seconds, lockout_seconds or
        segmentation."""
        control.configure(self.service, options)
