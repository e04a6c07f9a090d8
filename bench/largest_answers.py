"""Answers every call with the largest picture there is, all calls of a batch at the same moment: the worst for memory.

`python -m bench.largest_answers PORT CALLS`. Takes the place of the stand-in API, whose cut-outs compress too well.
"""

import base64
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.photos import noise_png

SIDE_PIXELS = 2048
"""2048 x 2048 is all that the API takes: 4,194,304 pixels."""


def main() -> None:
    """Serve until the process is ended."""
    port, calls = int(sys.argv[1]), int(sys.argv[2])
    picture = base64.b64encode(noise_png(SIDE_PIXELS)).decode()
    answer = json.dumps({"image": picture, "finish_reason": "SUCCESS", "seed": 1}).encode()
    all_have_come = threading.Barrier(calls)

    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            while length:
                length -= len(self.rfile.read(min(length, 1 << 16)))
            all_have_come.wait(timeout=60)
            self.send_response(200)
            self.send_header("content-type", "text/plain; charset=utf-8")  # as the gateway calls its JSON
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Connection).serve_forever()


if __name__ == "__main__":
    main()
