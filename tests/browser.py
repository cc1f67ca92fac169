"""A real headless Chromium, told what to do through its own debugging pipe: keys, media, sizes, and what it sees."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
)  # fmt: skip
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38,
         "ArrowRight": 39, "ArrowDown": 40}  # fmt: skip


class Browser:
    """One page of it. Messages are JSON, each ended by a NUL."""

    def __init__(self, commands: int, answers: RawIOBase) -> None:
        self._commands = commands
        self._answers = answers
        self._rest = b""
        self._number = 0
        self._session = ""
        self.requests: list[str] = []
        """Every address that the page asked for."""
        self.complaints: list[str] = []
        """What the page's scripts threw."""
        target = self._ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self._ask(f"{domain}.enable")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = self._answers.read(65536)
            assert chunk, "the browser went away"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        if found.get("method") == "Network.requestWillBeSent":
            self.requests.append(found["params"]["request"]["url"])
        if found.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(found["params"]["exceptionDetails"]["text"])
        return found

    def _ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": dict(params or {})}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, file: Path) -> None:
        """Load a file and wait until it is whole."""
        self._ask("Page.navigate", {"url": file.as_uri()})
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def see(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self._ask("Runtime.evaluate", {"expression": script, "returnByValue": True})
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press and release keys, one after the other; a letter types itself."""
        for key in keys:
            event = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS.get(key, 0)}
            text = {} if key in _KEYS else {"text": key}
            self._ask("Input.dispatchKeyEvent", {"type": "keyDown", **event, **text})
            self._ask("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def prefer(self, scheme: str) -> None:
        """`dark` or `light`."""
        self._ask("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def resize(self, width: int, height: int = 800) -> None:
        """The size of the screen, in CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", size)


def chromium() -> str | None:
    """The browser of this machine; None: it has none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def started() -> Iterator[Browser]:
    """A browser for a block, with a profile that is thrown away."""
    executable = chromium()
    if executable is None:
        pytest.skip("there is no Chromium on this machine")
    commands, answers = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="jobsync-browser-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{commands[0]} 4>&{answers[1]}', executable, *_FLAGS,
             f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=(commands[0], answers[1]), start_new_session=True,
        )  # fmt: skip
        os.close(commands[0])
        os.close(answers[1])
        try:
            with os.fdopen(answers[0], "rb", buffering=0) as heard:
                yield Browser(commands[1], heard)
        finally:
            os.close(commands[1])
            process.terminate()
            process.wait(30)
