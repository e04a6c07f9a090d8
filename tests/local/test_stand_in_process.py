"""The stand-in as a process: ready when it answers itself, and not when another program has its port."""

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dropcut_cli.clone.problem import Problem
from local import stand_in_process
from local.ports import LOOPBACK, any_free_port


class Stranger(socketserver.StreamRequestHandler):
    """Some other program's server, which takes any connection."""

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


@pytest.fixture
def strangers_port() -> Iterator[int]:
    with socketserver.TCPServer((LOOPBACK, 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_program_that_listens_on_its_port_is_not_taken_for_it(strangers_port: int, tmp_path: Path) -> None:
    """It said that it cannot listen, and ended: the system is not up then."""
    with pytest.raises(Problem, match="stand-in API ended while it was starting"):
        stand_in_process.start_stand_in(tmp_path, port=strangers_port, settings={}, leashed=True)


def test_it_is_ready_when_it_answers(tmp_path: Path) -> None:
    program = stand_in_process.start_stand_in(tmp_path, port=any_free_port(), settings={}, leashed=True)
    program.stop()
