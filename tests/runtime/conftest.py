"""A Hub of one's own: the few answers of https://huggingface.co that a pull needs."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1000
"""Files of this many bytes and more are large: known by their sha256."""


@dataclass
class Hub:
    """files: repo → name → bytes. cut: bytes of a body after which the connection ends, once.
    damaged: names whose bytes are changed on the way. ranges: whether it knows them.
    status: what it answers to everything, 0 for the truth. asked: (path, range) of each request."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    cut: int = 0
    damaged: set[str] = field(default_factory=set)
    ranges: bool = True
    status: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.asked.append((path, self.headers.get("range") or ""))
        if self.hub.status:
            self._send(self.hub.status, b"{}")
        elif path.startswith("/api/models/"):
            self._model(path.removeprefix("/api/models/").partition("/revision/")[0])
        else:
            repo, _, rest = path.removeprefix("/").partition("/resolve/")
            self._file(self.hub.files[repo], rest.partition("/")[2])

    def _model(self, repo: str) -> None:
        if repo not in self.hub.files:
            self._send(404, b"{}")
            return
        siblings = [_sibling(name, data) for name, data in self.hub.files[repo].items()]
        self._send(200, json.dumps({"id": repo, "sha": COMMIT, "siblings": siblings}).encode())

    def _file(self, files: dict[str, bytes], name: str) -> None:
        data = files[name]
        if name in self.hub.damaged:
            data = bytes([data[0] ^ 1]) + data[1:]
        span = self.headers.get("range") if self.hub.ranges else None
        if span is None:
            self._send(200, data, cut=self.hub.cut if len(data) >= LARGE else 0)
            return
        first, _, last = span.removeprefix("bytes=").partition("-")
        part = data[int(first) : int(last) + 1 if last else None]
        self._send(206, part, cut=self.hub.cut if len(data) >= LARGE else 0)

    def _send(self, status: int, body: bytes, cut: int = 0) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if cut:
            self.hub.cut = 0
            body = body[:cut]
        self.wfile.write(body)
        if cut:
            self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _sibling(name: str, data: bytes) -> dict[str, object]:
    git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    told: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git}
    if len(data) >= LARGE:
        sha = hashlib.sha256(data).hexdigest()
        told["lfs"] = {"sha256": sha, "size": len(data), "pointerSize": 130}
    return told


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub()
    handler = type("OwnHandler", (Handler,), {"hub": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        made.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", made.address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path / "home"))
        for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield made
        server.shutdown()
        thread.join()
