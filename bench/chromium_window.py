"""A window of headless Chromium that is used as a person uses one: real clicks, keys, files and a screen of any size.

Debian's package `chromium`. It is driven over a pair of pipes, so that it listens on no port.
"""

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dropcut_cli.clone.surroundings import clean

_SECONDS = 30
_KEYS = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}
"""Their numbers, by name; of letters it is that of the capital."""


class Window:
    """One tab, of 1,440 x 900 pixels at first."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for Chromium's own files, and for what it saves."""
        to_browser, self._commands = os.pipe()
        self._answers, from_browser = os.pipe()
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--hide-scrollbars"]
        command += ["--force-color-profile=srgb", f"--user-data-dir={folder}", "--remote-debugging-pipe"]
        # Chromium reads from file 3 and writes to file 4.
        script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command],
            pass_fds=(to_browser, from_browser),
            env=clean(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.folder = folder
        self._number, self._rest, self._session = 0, b"", ""
        self.said: list[str] = []
        """Errors and warnings of pages."""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")
        self._ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        self.resize(1440, 900)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        asked = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._commands, json.dumps(asked).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._answers, 1 << 20)
            assert more, "Chromium has ended"
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(message))

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            self.said.append(str(event["params"]["exceptionDetails"].get("exception", {}).get("description")))
        elif event.get("method") == "Log.entryAdded":
            entry = event["params"]["entry"]
            self.said.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        elif event.get("method") == "Page.javascriptDialogOpening":
            self.said.append("dialog")

    # ---- what a person does

    def open(self, url: str) -> None:
        self._ask("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def resize(self, width: int, height: int, *, scale: float = 1, dark: bool = False) -> None:
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key: str) -> None:
        of_a_letter = {"text": key, "code": f"Key{key.upper()}"} if len(key) == 1 else {"code": key}
        number = _KEYS.get(key) or ord(key.upper())
        for kind in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=number, **of_a_letter)

    def click(self, selector: str, *, at: tuple[float, float] = (0.5, 0.5)) -> None:
        """Click into an element, `at` a part of its width and height, where a person would see it."""
        found = self.ask(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            "found.scrollIntoViewIfNeeded(); const box = found.getBoundingClientRect();"
            "return [box.left, box.top, box.width, box.height]; })()"
        )
        x, y = (found[side] + at[side] * found[2 + side] for side in (0, 1))
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def choose_file(self, selector: str, file: Path) -> None:
        """As in the dialog that a headless browser does not show."""
        found = self._ask("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")["result"]
        self._ask("DOM.setFileInputFiles", files=[str(file)], objectId=found["objectId"])

    # ---- what a person sees

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        return str(self.ask(f"document.querySelector({json.dumps(selector)}).innerText"))

    def until(self, expression: str) -> float:
        """Wait until it is so; returns how many seconds that took."""
        start = time.monotonic()
        while not self.ask(f"Boolean({expression})"):
            assert time.monotonic() - start < _SECONDS, (expression, self.said, self.ask("document.body?.innerText"))
            time.sleep(0.02)
        return time.monotonic() - start

    def picture(self, *, whole: bool = False) -> bytes:
        """What is to be seen, or the whole page, as PNG."""
        return base64.b64decode(self._ask("Page.captureScreenshot", captureBeyondViewport=whole)["data"])
