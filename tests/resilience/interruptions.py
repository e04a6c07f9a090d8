"""Sees every side effect of a function from outside, and stops the function before or after the one asked for.

A side effect is whatever leaves the process: each AWS API call and each other HTTP request. They are caught where all
of them pass, in botocore and in urllib3. So one that is added to the code tomorrow is caught as well. A connection that
is made past both is refused and reported, so that none can be forgotten.
"""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import botocore.client
import botocore.httpsession
import urllib3.connectionpool

from tests.resilience.refusals import SECONDS, Refusal, where


class StoppedHereError(RuntimeError):
    """The failure that is brought about on purpose; nothing in the functions knows it."""


@dataclass
class Interruptions:
    """What one sandbox is to be stopped at, and who receives its side effects.

    Lines that are sent, as JSON: `[number, thread, name, where, moment]` (`before`, `after` or `refused`),
    `["stopped", number]`, `["refuses", refusal]` and `["stray", address]`. Numbers count the side effects of one
    invocation from 1, over all its threads.
    """

    tell: Callable[[list[Any]], None] = lambda _line: None
    stop: dict[str, Any] | None = None
    """`number`, `moment` (`before`, `after`) and `way` (`killed`, `raises`, `hangs`, `denied`, `throttled`).

    AWS refuses the first of its calls that has this number or a higher one: threads change their order.
    """
    refusal: Refusal | None = None
    """What AWS refuses, perhaps since an invocation before."""
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    inside: threading.local = field(default_factory=threading.local)

    def begin(
        self, tell: Callable[[list[Any]], None], stop: dict[str, Any] | None, refusal: dict[str, Any] | None
    ) -> None:
        """A new invocation."""
        self.tell, self.stop, self.count = tell, stop, 0
        self.refusal = Refusal(**refusal) if refusal else None

    def effect(self, name: str, place: str | None, carry_out: Callable[[], Any]) -> Any:
        """Carry one out, between the moments at which it can be stopped; `place` is None where AWS is not called."""
        if getattr(self.inside, "effect", False):
            return carry_out()  # the HTTP request by which an AWS call is made, or a redirect's second request
        with self.lock:
            self.count += 1
            number = self.count
        self._pass(number, name, place, "before")
        self.inside.effect, self.inside.call, self.inside.refused = True, (name, place), False
        try:
            return carry_out()
        finally:  # also when the answer is an error, such as a condition that does not hold
            self.inside.effect = False
            self._pass(number, name, place, "refused" if self.inside.refused else "after")

    def send(self, send: Callable[[], Any], url: str) -> Any:
        """One HTTP request of an AWS call, which may be refused; botocore may try again."""
        self.inside.refused = self.refusal is not None and self.refusal.meets(*self.inside.call)
        return self.refusal.answer(url) if self.refusal and self.inside.refused else send()

    def _pass(self, number: int, name: str, place: str | None, moment: str) -> None:
        self.tell([number, threading.get_ident(), name, place, moment])
        stop = self.stop
        if stop and stop["way"] in ("denied", "throttled"):
            with self.lock:
                if number >= stop["number"] and place is not None and self.refusal is None:
                    self._refuse(number, Refusal(name=name, where=place, way=stop["way"], until=time.time() + SECONDS))
        elif stop and (stop["number"], stop["moment"]) == (number, moment):
            self._stop(number, stop["way"])

    def _refuse(self, number: int, refusal: Refusal) -> None:
        self.refusal = refusal
        self.tell(["stopped", number])
        self.tell(["refuses", asdict(refusal)])

    def _stop(self, number: int, way: str) -> None:
        self.tell(["stopped", number])
        if way == "killed":
            os._exit(137)
        if way == "hangs":
            threading.Event().wait()  # until Lambda's time-out ends the process
        raise StoppedHereError(f"stopped at side effect {number}")

    def refuse_strays(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook: every connection must belong to a side effect that was counted."""
        if event == "socket.connect" and arguments[0].family != socket.AF_UNIX:
            if getattr(self.inside, "effect", False):
                return
            self.tell(["stray", str(arguments[1])])
            raise StoppedHereError(f"a connection to {arguments[1]} was made where no side effect is counted")


interruptions = Interruptions()


def install() -> None:
    """Take the places through which all side effects pass."""
    call_aws = botocore.client.BaseClient._make_api_call
    send_aws = botocore.httpsession.URLLib3Session.send
    open_url = urllib3.connectionpool.HTTPConnectionPool.urlopen

    def counted_aws_call(client: Any, operation: str, parameters: Any) -> Any:
        service = client.meta.service_model.service_id
        name, place = f"{service} {operation}", where(parameters)
        return interruptions.effect(name, place, lambda: call_aws(client, operation, parameters))

    def refusable_request(session: Any, request: Any) -> Any:
        return interruptions.send(lambda: send_aws(session, request), request.url)

    def counted_request(pool: Any, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        name = f"{method} {url.partition('?')[0]}"
        return interruptions.effect(name, None, lambda: open_url(pool, method, url, *arguments, **options))

    botocore.client.BaseClient._make_api_call = counted_aws_call
    botocore.httpsession.URLLib3Session.send = refusable_request
    urllib3.connectionpool.HTTPConnectionPool.urlopen = counted_request
    sys.addaudithook(interruptions.refuse_strays)


def telling(connection: socket.socket) -> Callable[[list[Any]], None]:
    """Lines of JSON on a socket, written at once: they arrive even when the process dies then."""
    lock = threading.Lock()

    def tell(line: list[Any]) -> None:
        with lock:
            connection.sendall(json.dumps(line).encode() + b"\n")

    return tell
