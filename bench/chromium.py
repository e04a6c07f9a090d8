"""Shows pictures to headless Chromium and gives back the pixels that it would show; a development tool only.

It is Debian's package `chromium`. It loads a page from this process, over the loopback address. The page draws each
picture on white in an sRGB canvas and sends the pixels back.
"""

import http.server
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dropcut_cli.clone.problem import Problem

_PROGRAM = "chromium"
_SECONDS = 180
_PAGE = b"""<!doctype html><meta charset="utf-8"><script>
async function pixels(number) {
  const picture = new Image();
  picture.src = "/picture/" + number;
  try { await picture.decode(); } catch (error) { return new Blob([]); }
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth; canvas.height = picture.naturalHeight;
  const context = canvas.getContext("2d", {colorSpace: "srgb", willReadFrequently: true});
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0);
  const size = new Uint32Array([canvas.width, canvas.height]);
  return new Blob([size, context.getImageData(0, 0, canvas.width, canvas.height).data]);
}
(async () => {
  const count = Number(await (await fetch("/count")).text());
  for (let number = 0; number < count; number++)
    await fetch("/pixels/" + number, {method: "POST", body: await pixels(number)});
  await fetch("/done", {method: "POST"});
})();
</script>"""

Shown = np.ndarray[Any, Any]
"""Height x width x 3, 8 bits."""


def is_installed() -> bool:
    return shutil.which(_PROGRAM) is not None


def shown_by_chromium(pictures: Sequence[bytes], profile: Path) -> list[Shown | None]:
    """The pixels of each picture, on white, in sRGB; None for one that Chromium does not open.

    Args:
        profile: a folder for Chromium's own files.

    Raises:
        Problem: there is no Chromium, or it did not come to an end.
    """
    if not is_installed():
        raise Problem("This benchmark needs Chromium: apt-get install chromium.")
    page = _Page(pictures)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), page.handler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [_PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
    command += [f"--user-data-dir={profile}", "--remote-debugging-port=0", f"http://127.0.0.1:{server.server_port}/"]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not page.is_done.wait(_SECONDS):
            raise Problem(f"Chromium did not show {len(pictures)} pictures within {_SECONDS} s.")
    finally:
        browser.terminate()
        browser.wait()
        server.shutdown()
        server.server_close()
    return [page.shown.get(number) for number in range(len(pictures))]


class _Page:
    """What the browser asks for, and what it answers."""

    def __init__(self, pictures: Sequence[bytes]) -> None:
        self._pictures = pictures
        self.shown: dict[int, Shown] = {}
        self.is_done = threading.Event()

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(page.get(self.path))

            def do_POST(self) -> None:
                page.post(self.path, self.rfile.read(int(self.headers.get("Content-Length", 0))))
                self._answer(b"")

            def _answer(self, content: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """No line for each picture."""

        return Handler

    def get(self, path: str) -> bytes:
        if path.startswith("/picture/"):
            return self._pictures[int(path.rpartition("/")[2])]
        return str(len(self._pictures)).encode() if path == "/count" else _PAGE

    def post(self, path: str, content: bytes) -> None:
        if path == "/done":
            self.is_done.set()
        elif content:
            width, height = np.frombuffer(content[:8], "<u4")
            pixels = np.frombuffer(content[8:], np.uint8).reshape(height, width, 4)
            self.shown[int(path.rpartition("/")[2])] = pixels[:, :, :3]
