"""What it takes to plan a back-fill of a million photos: listed by S3's pages, and read from a file."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from bench.report import Report, Table, Target
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.surroundings import clean

PHOTOS = 1_000_000
PAGE = 1000
MOST_SECONDS, MOST_MIB = 60.0, 150.0


class Listing(BaseHTTPRequestHandler):
    """As S3 lists a bucket of a million photos, and as DynamoDB finds every second one delivered."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        first = int(asked.get("continuation-token", ["0"])[0])
        contents = "".join(
            f"<Contents><Key>{key(number)}</Key><LastModified>2024-07-27T12:00:00.000Z</LastModified>"
            f'<ETag>"d41d8cd98f00b204e9800998ecf8427e"</ETag><Size>1048576</Size><StorageClass>STANDARD</StorageClass>'
            "</Contents>"
            for number in range(first, first + PAGE)
        )
        more = first + PAGE < PHOTOS
        token = f"<NextContinuationToken>{first + PAGE}</NextContinuationToken>" if more else ""
        self._answer(
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>photos</Name>'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>"
        )

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["RequestItems"]["state"]["Keys"]
        ids = [each["id"]["S"] for each in asked]
        found = [
            {"id": {"S": id_}, "job_id": {"S": "j"}, "status": {"S": "delivered"}} for id_ in ids if id_[-5] in "02468"
        ]
        self._answer(json.dumps({"Responses": {"state": found}}))

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_said: object) -> None:
        """Silent."""


def key(number: int) -> str:
    return f"shop/2024/07/product-{number:08}.jpg"


def measure() -> Report:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listing)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with TemporaryDirectory() as folder:
            keys = Path(folder) / "keys.txt"
            keys.write_text("".join(f"{key(number)}\n" for number in range(PHOTOS)))
            probed = {name: _probe(server.server_port, what) for name, what in (
                ("S3's listing", "s3://photos/shop/"), ("a list of keys", str(keys))
            )}  # fmt: skip
    finally:
        server.shutdown()
    assert all(each["objects"] == PHOTOS for each in probed.values())
    return Report(
        title="plan: a back-fill of a million photos",
        how=(
            f"The command's own code runs in a process of its own, on {PHOTOS:,} keys. They come from a server on this "
            f"machine that answers as S3 does, {PAGE:,} keys a page, and from a file. Of 10,000 photos drawn by lot "
            "the records are read; every second one is done. Seconds include the server's, which runs on the same "
            "processors."
        ),
        tables=[
            Table(
                ["", "seconds", "of the processor", "MiB", "done, as estimated"],
                [
                    [
                        name,
                        f"{each['seconds']:.1f}",
                        f"{each['processor']:.1f}",
                        f"{each['mib']:.0f}",
                        f"{each['done'] / PHOTOS:.1%}",
                    ]
                    for name, each in probed.items()
                ],
            )
        ],
        targets=[
            Target("slowest plan", max(e["seconds"] for e in probed.values()), MOST_SECONDS, "s", must_be_under=True),
            Target("most memory", max(each["mib"] for each in probed.values()), MOST_MIB, "MiB", must_be_under=True),
            Target("estimate's error", max(abs(e["done"] / PHOTOS - 0.5) for e in probed.values()) * 100, 2.0, "%"),
        ],
    )


def _probe(port: int, photos: str) -> dict[str, float]:
    paths = [str(REPOSITORY / folder) for folder in ("functions", "cli/src", ".")]
    ran = subprocess.run(
        [sys.executable, Path(__file__).with_name("plan_probe.py"), f"http://127.0.0.1:{port}", photos],
        env=clean() | {"PYTHONPATH": ":".join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    measured: dict[str, float] = json.loads(ran.stdout)
    return measured
