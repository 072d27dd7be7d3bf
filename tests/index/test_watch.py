"""A library that follows its folders, with the system's own events."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensorium.index import Index
from sensorium.index.adding import Added
from sensorium.index.watch import watching

Paint = Callable[..., Path]


@pytest.mark.timeout(60)
def test_changes_are_followed(home: Path, folder: Path, paint: Paint, tower: Any) -> None:
    first = paint(folder / "a.png", seed=1)
    paint(folder / "skip" / "no.png", seed=2)
    seen: list[Added] = []
    stop, failures = threading.Event(), list[BaseException]()

    def follow() -> None:
        try:
            with Index(home=home) as index:
                run = watching(index, [folder], model=tower, exclude=["skip"], stop=stop)
                seen.extend(event for event in run if isinstance(event, Added))
        except BaseException as error:
            failures.append(error)

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        with Index(home=home) as index:

            def names() -> set[str]:
                return {entry.path.name for entry in index}

            def until(wanted: set[str]) -> None:
                end = time.monotonic() + 15
                while names() != wanted and time.monotonic() < end and not failures:
                    time.sleep(0.05)
                assert names() == wanted, failures

            until({"a.png"})
            paint(folder / "deep" / "b.png", seed=3)
            paint(folder / "skip" / "c.png", seed=4)
            (folder / "other.xyz").write_text("no kind of ours", "utf-8")
            until({"a.png", "b.png"})
            first.rename(folder / "deep" / "renamed.png")
            until({"b.png", "renamed.png"})
            (folder / "deep").rename(folder.parent / "moved away")
            until(set())
    finally:
        stop.set()
        follower.join(10)
    assert not failures and not follower.is_alive()
    assert tower.pictures == 2  # the rename cost none
