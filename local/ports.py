"""Free ports on loopback."""

import os
import socket

from dropcut_cli.clone.problem import Problem

LOOPBACK = "127.0.0.1"
_TRIES = 100


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without this a port whose last connections are still winding down would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """A port that the operating system picks."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def port_asked_for(variable: str) -> int | None:
    """The port that the person asked for in an environment variable; None when they did not.

    Raises:
        Problem: it is not a port.
    """
    asked = os.environ.get(variable, "")
    if not asked:
        return None
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) <= 65535:
        raise Problem(
            f"{variable} is {asked!r}, not a port. Give a number from 1 to 65535, or leave it out for a free one."
        )
    return int(asked)


def choose_port(preferred: int, variable: str, *, taken: int | None = None) -> int:
    """The port that the person asked for in an environment variable, or else `preferred` or the next free one.

    Args:
        preferred: where to look first when nobody asked for one.
        variable: the environment variable's name.
        taken: a port that another program is to have, though it does not listen there yet.

    Raises:
        Problem: the port asked for is not a port, or is taken already.
    """
    asked = port_asked_for(variable)
    if asked is not None:
        _refuse_taken(asked, variable, taken)
        return asked
    for port in range(preferred, preferred + _TRIES):
        if port != taken and is_free(port):
            return port
    return any_free_port()


def _refuse_taken(port: int, variable: str, taken: int | None) -> None:
    if port == taken:
        raise Problem(
            f"Port {port}, asked for in {variable}, is asked for twice. Two programs cannot listen on one port: "
            f"give another, or leave {variable} out and a free one is taken."
        )
    if not is_free(port):
        raise Problem(
            f"Port {port}, asked for in {variable}, cannot be used on {LOOPBACK}: another program listens there, "
            f"or it needs more rights. Stop that program, or leave {variable} out and a free port is taken."
        )
