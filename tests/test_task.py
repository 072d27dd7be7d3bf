"""The contract of a task, read off real functions."""

import pickle
import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest

from sensorium.errors import InputError, NotFound
from sensorium.flow import Failed, Progress
from sensorium.media import Image, Text, Video
from sensorium.results import Provenance, Scores
from sensorium.roles import AudioClassifier, Floats
from sensorium.task import (
    Item,
    Later,
    Option,
    Partial,
    Range,
    Resource,
    Task,
    later,
    opens,
    task,
)


class Drawer:
    """Something that is opened for a call."""

    open_now = 0

    def __init__(self, name: str) -> None:
        self.name = name
        Drawer.open_now += 1

    def close(self) -> None:
        Drawer.open_now -= 1


@task(example=["beach.jpg", "--lang", "zh"])
def judge(
    item: Image | Text,
    among: list[Text],
    *,
    lang: Annotated[Literal["en", "zh"], "language of the labels"] = "en",
    beams: Annotated[int, Range(1, 16)] = 3,
    since: date | None = None,
    only: tuple[str, ...] = (),
    drawer: Annotated[Drawer, "where labels lie"] = opens(Drawer, "top"),
) -> Scores:
    """Judge an item.

    More is told here.
    """
    assert Drawer.open_now == 1 or drawer.name == "own"
    labels = [one.words for one in among]
    return Scores(item=f"{item.name} {lang} {beams} {drawer.name}", scores=dict.fromkeys(labels, 1))


released: list[str] = []


@task()
def dwell(item: Text, *, fail: bool = False) -> Generator[Progress | Partial, None, Scores]:
    """Take long."""
    try:
        for step in range(3):
            yield Progress(step, 3, "steps")
        if fail:
            raise InputError("it cannot be done")
        return Scores(item=item.words, scores={})
    finally:
        released.append(item.words)


begun, ended = threading.Event(), threading.Event()


@task()
def watch(item: Text) -> Generator[Progress, None, Scores]:
    """Take one word at once, and anything else for ever."""
    try:
        while item.words != "short":
            begun.set()
            yield Progress(0, 0, "moments")
        begun.wait()
        return Scores(item=item.words, scores={})
    finally:
        if item.words != "short":
            ended.set()


def test_the_contract_is_read_off_the_signature() -> None:
    assert judge.name == "judge"
    assert judge.summary == "Judge an item."
    assert judge.result is Scores
    assert dwell.result is Scores
    assert judge.items == (Item("item", (Image, Text), False), Item("among", (Text,), True))
    assert judge.resources == (
        Resource("drawer", Drawer, judge.resources[0].opened, "where labels lie"),
    )
    lang, beams, since, only = judge.options
    assert lang == Option("lang", str, "en", "language of the labels", None, ("en", "zh"))
    assert (beams.type, beams.range, beams.flag) == (int, Range(1, 16), "--beams")
    assert (since.type, since.default) == (date, None)
    assert (only.type, only.many) == (str, True)


def test_a_call_gives_the_result_and_closes_what_it_opened() -> None:
    assert judge("a cat", ["x"]).item == "“a cat” en 3 top"
    assert judge("a cat", ["x"], drawer="left").item.endswith("left")
    assert Drawer.open_now == 0


def test_what_is_handed_in_stays_open() -> None:
    own = Drawer("own")
    assert judge("a cat", ["x"], drawer=own).item.endswith("own")
    assert Drawer.open_now == 1
    own.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0}, "1 to 16"),
        ({"beams": True}, "must be"),
        ({"beams": "many"}, "must be a whole number"),
        ({"lang": "de"}, "one of en, zh"),
        ({"since": "yesterday"}, "must be a day"),
        ({"colour": 1}, "no option colour"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        judge("a cat", ["x"], **options)


def test_items_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wants item"):
        judge()
    with pytest.raises(InputError, match="takes several"):
        judge("a cat", "x")
    with pytest.raises(NotFound):
        judge("no-such.jpg", ["x"])
    clip = tmp_path / "clip.mp4"
    clip.touch()
    with pytest.raises(InputError, match="not an image or a text"):
        judge(Video(clip), ["x"])


def test_a_long_task_streams_and_ends_with_its_result() -> None:
    *events, result = dwell.stream("words")
    assert events == [Progress(step, 3, "steps") for step in range(3)]
    assert result == dwell("words") == Scores(item="words", scores={})


def test_closing_the_stream_cancels_and_releases() -> None:
    released.clear()
    stream = dwell.stream("half")
    next(stream)
    stream.close()
    assert released == ["half"]


@pytest.mark.timeout(20)
def test_closing_the_map_stops_what_is_in_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensorium.task.threads", lambda: 2)
    with closing(watch.map(["short", "a film"])) as made:
        assert next(made) == Scores(item="short", scores={})
        assert not ended.is_set()
    assert ended.is_set()


def test_map_goes_on_past_a_bad_item() -> None:
    good, bad, last = judge.map(["a cat", "gone.jpg", "a dog"], among=["x"])
    assert (good.item[:7], last.item[:7]) == ("“a cat”", "“a dog”")
    assert isinstance(bad, Failed)
    assert bad.item == "gone.jpg"


def test_a_task_is_pickled_as_its_place() -> None:
    from sensorium.task import Call
    from sensorium.tasks import TASKS

    for name in TASKS.own:
        assert pickle.loads(pickle.dumps(TASKS[name])) is TASKS[name]
        call = pickle.loads(pickle.dumps(Call(TASKS[name], {"k": 1})))
        assert call.task is TASKS[name]
        assert isinstance(call.task, Task)


class Ear:
    """Hears nothing."""

    provenance = Provenance("ear")
    rate = 8000
    labels, languages = ("neutral",), ("en",)

    def classify_sounds(self, sounds: Sequence[Floats]) -> Floats:
        return np.ones((len(sounds), 1), np.float32)


@task(example=["words"])
def judge_late(item: Text, *, model: Later[AudioClassifier] = later("audio-classifier")) -> Scores:
    """Open a model when it is named."""
    rate = model().rate if model.named else 0
    return Scores(item=item.name, scores={"rate": rate} if rate else {})


def test_what_is_opened_late_is_opened_when_it_is_called() -> None:
    with pytest.raises(NotFound):
        judge_late("a cat", model="dir:nowhere")
    assert judge_late("a cat").scores == {}
    assert judge_late("a cat", model=Ear()).scores == {"rate": 8000}
    (resource,) = judge_late.resources
    assert resource.type is AudioClassifier
