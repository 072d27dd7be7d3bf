"""One of each result, over real small files; and a browser, where there is one."""

import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from PIL import Image

from sensorium.media import Span
from sensorium.results import (
    AnyResult,
    Box,
    Boxes,
    Carrier,
    Evidence,
    Grid,
    Hit,
    Hits,
    Reason,
    Row,
    Scores,
    Timeline,
    Vectors,
)


@dataclass(frozen=True)
class Shown:
    """hits: a picture, a text, one that is gone, one with a name that would steer a terminal."""

    hits: Hits
    scores: Scores
    vectors: Vectors
    boxes: Boxes
    timeline: Timeline

    @property
    def all(self) -> tuple[AnyResult, ...]:
        return (self.hits, self.scores, self.vectors, self.boxes, self.timeline)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "half.png"
    halves = Image.new("RGB", (80, 60), (255, 0, 0))
    halves.paste((0, 0, 255), (0, 30, 80, 60))
    halves.save(path)
    return path


def read_timeline() -> Timeline:
    """Two cues of three seconds: one happy, one in which nothing stands out."""
    happy = {"happiness": 0.75, "anger": 0.25}
    torn = {"happiness": 0.5, "anger": 0.5}
    evidence = (
        Evidence("text", 0, 1, "I <i>love</i> \x1b[31mthis", "en", "happiness", happy,
                 {"positive": 0.9, "negative": 0.1}, 0.8, (Carrier(5, 9, 0.6),)),
        Evidence("text", 2, 3, "随便吧", "zh", "unknown", torn, {}, 0.0),
    )  # fmt: skip
    row = Row({"happiness": (0.75, 0.0, 0.5), "anger": (0.25, 0.0, 0.5)}, (True, False, True))
    return Timeline(
        item="talk <b>.srt",
        grid=Grid("seconds", 1.0, 3),
        labels=("happiness", "anger"),
        rows={"fused": row, "text": row},
        evidence=evidence,
        notes=("a reading of signs",),
    )


@pytest.fixture
def shown(picture: Path) -> Shown:
    gone = Path("/nowhere")
    hits = (
        Hit(
            picture,
            "image",
            0.31,
            relevance=0.9,
            duplicates=(gone / "copy.png",),
            moments=(Span(5, 7),),
            why=(Reason("words in the picture", text="A & B <i>"),),
        ),
        Hit(gone / "talk.srt", "text", 0.2, Span(3, 5.5), text="what <b>was</b> said"),
        Hit(gone / "evil\x1b[31m<img>.png", "image", 0.1, relevance=0.2),
        Hit(gone / "film.mp4", "video", 0.1, Span(61, 75), why=(Reason("name"),)),
    )
    return Shown(
        hits=Hits(query="a <query>", hits=hits, searched=1234, verdict="found"),
        scores=Scores(item=str(picture), scores={"red <half>": 0.75, "蓝": 0.25}),
        vectors=Vectors(ids=("a\x1b", "b"), values=np.eye(2, 8, dtype=np.float32)),
        boxes=Boxes(item=str(picture), size=(80, 60), boxes=(Box((10, 10, 40, 30), "出口", 0.5),)),
        timeline=read_timeline(),
    )


_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PROGRAM = next(filter(None, map(shutil.which, _BROWSERS)), None)


class Browser:
    """One page without a window, by the DevTools protocol: it reads what it is told from its file
    3, and answers on its file 4."""

    def __init__(self, home: Path, language: str = "en", width: int = 1200) -> None:
        assert _PROGRAM
        inward, self._tell = os.pipe()
        self._hear, outward = os.pipe()
        high = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in (inward, outward)]
        flags = (
            "--headless=new --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe "
            f"--user-data-dir={home} --lang={language} --accept-lang={language} "
            f"--window-size={width},900 --autoplay-policy=no-user-gesture-required"
        )
        nothing = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        pipes = [(os.POSIX_SPAWN_DUP2, one, at) for at, one in enumerate(high, 3)]
        self._process = os.posix_spawn(
            _PROGRAM, [_PROGRAM, *flags.split()], os.environ, file_actions=[nothing, *pipes]
        )
        for one in (inward, outward, *high):
            os.close(one)
        self._left = b""
        self._count = 0
        self._session: str | None = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.ask("Page.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.kill(self._process, signal.SIGTERM)
        os.waitpid(self._process, 0)
        os.close(self._tell)
        os.close(self._hear)

    def ask(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._tell, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def open(self, path: Path) -> None:
        self.ask("Page.navigate", url=path.absolute().as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def run(self, code: str) -> Any:
        """The value of an expression in the page, awaited where it is a promise."""
        answer = self.ask(
            "Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def _next(self) -> Any:
        while b"\0" not in self._left:
            part = os.read(self._hear, 1 << 16)
            assert part, "the browser ended"
            self._left += part
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if _PROGRAM is None:
        pytest.skip("there is no Chromium here")
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened
