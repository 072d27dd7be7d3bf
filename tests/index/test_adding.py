"""What is embedded, what is not embedded again, and what is reported."""

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError, NotFound
from sensorium.index import Index, State
from sensorium.media.folder import Skipped

Paint = Callable[..., Path]


def counts(index: Index) -> dict[str, int]:
    tables = ("items", "spans", "vectors", "lines", "embedded")
    ask = "SELECT count(*) FROM "
    return {table: index.store.db.execute(ask + table).fetchone()[0] for table in tables}


def test_vectors_are_those_of_the_model(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    for seed in range(1, 40):
        paint(folder / f"{seed}.png", seed=seed)
    added = index.add(folder, model=tower)
    assert (added.seen, added.new, len(index)) == (39, 39, 39)
    rows = index.store.db.execute(
        "SELECT i.path, v.value FROM items i JOIN spans s ON s.content = i.content"
        " JOIN vectors v ON v.span = s.id"
    ).fetchall()
    assert len(rows) == 39
    for path, value in rows:
        from sensorium.media import Image

        expected = tower.embed_images([Image(Path(path)).pixels()])[0]
        vector = np.frombuffer(value, np.float16).astype(np.float32)
        np.testing.assert_allclose(vector, expected, atol=2e-3)
        assert abs(np.linalg.norm(vector) - 1) < 2e-3


def test_a_second_run_reads_and_embeds_nothing(
    index: Index, folder: Path, paint: Paint, tower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(folder / "a.png")
    (folder / "a.txt").write_text("a red thing", "utf-8")
    index.add(folder, model=tower)
    before = (tower.pictures, tower.texts)

    def refuse(*_: Any) -> Any:
        raise AssertionError("a known file was read")

    monkeypatch.setattr("sensorium.index.reading._open", refuse)
    again = index.add(folder, model=tower)
    assert (again.seen, again.unchanged, again.new, again.bad) == (2, 2, 0, 0)
    assert (tower.pictures, tower.texts) == before


def test_rename_move_and_copy_cost_no_inference(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    first = paint(folder / "a.png")
    paint(folder / "b.png", seed=7)
    index.add(folder, model=tower)
    assert tower.pictures == 2
    first.rename(folder / "renamed.png")
    (folder / "sub").mkdir()
    (folder / "b.png").rename(folder / "sub" / "b.png")
    shutil.copy(folder / "renamed.png", folder / "sub" / "copy.png")
    added = index.add(folder, model=tower)
    assert (added.known, added.new, added.removed) == (3, 0, 2)
    assert tower.pictures == 2
    names = {entry.path.name: entry.width for entry in index}
    assert names == {"renamed.png": 64, "b.png": 64, "copy.png": 64}


def test_copies_in_one_run_are_embedded_once(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    for number in range(50):
        paint(folder / f"{number}.png", seed=1 + number % 5)
    added = index.add(folder, model=tower)
    assert (added.new, added.known, tower.pictures, len(index)) == (5, 45, 5, 50)


def test_a_deleted_file_comes_back_without_inference(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "a.png")
    kept = paint(folder / "b.png", seed=3)
    away = folder.parent / "elsewhere.png"
    index.add(folder, model=tower)
    kept.rename(away)
    assert index.add(folder, model=tower).removed == 1
    away.rename(kept)
    assert (index.add(folder, model=tower).known, tower.pictures) == (1, 2)


def test_changed_files_are_embedded_anew(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    path = paint(folder / "a.png")
    index.add(folder, model=tower)
    paint(path, (10, 20, 250))
    os.utime(path, ns=(1, 1))
    added = index.add(folder, model=tower)
    assert (added.new, added.unchanged, len(index)) == (1, 0, 1)


def test_two_models_side_by_side(index: Index, folder: Path, paint: Paint, towers: Any) -> None:
    for seed in (1, 2, 3):
        paint(folder / f"{seed}.png", seed=seed)
    (folder / "words.txt").write_text("red\n\nblue", "utf-8")
    one, two = towers("one", 64), towers("two", 32)
    index.add(folder, model=one)
    added = index.add(folder, model=two)
    assert (added.new, added.unchanged) == (4, 0)
    assert index.add(folder, model=one).unchanged == 4
    said = counts(index)
    assert (said["spans"], said["vectors"], said["lines"]) == (5, 10, 2)
    models = {model.spec: model for model in index.info().models}
    assert [(models[name].contents, models[name].vectors) for name in models] == [(4, 5), (4, 5)]
    assert models["one"].current and not models["two"].current


def test_bad_files_are_listed_and_tried_again_only_when_they_change(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "good.png")
    bad = folder / "broken.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
    (folder / "empty.png").touch()
    added = index.add(folder, model=tower)
    assert (added.bad, added.new) == (2, 1)
    reasons = {entry.path.name: entry.reason for entry in index.entries("bad")}
    assert set(reasons) == {"broken.jpg", "empty.png"}
    assert "empty" in reasons["empty.png"]
    assert all(reason and str(folder) not in reason for reason in reasons.values())
    again = index.add(folder, model=tower)
    assert (again.bad, again.unchanged) == (0, 3)
    paint(folder / "broken.png", seed=2).rename(bad)
    mended = index.add(folder, model=tower)
    assert (mended.new, len(index)) == (1, 2)
    (entry,) = (one for one in index if one.path.name == "broken.jpg")
    assert entry.state is State.OK and "PNG" in entry.note and not entry.reason


def test_a_note_is_about_a_files_own_name(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "a.png").rename(folder / "wrong.jpg")
    index.add(folder, model=tower)
    shutil.copy(folder / "wrong.jpg", folder / "right.png")
    shutil.copy(folder / "wrong.jpg", folder / "wrong.webp")
    assert index.add(folder, model=tower).known == 2
    notes = {entry.path.name: entry.note for entry in index}
    assert notes["right.png"] == "" and ".jpg" in notes["wrong.jpg"]
    assert ".webp" in notes["wrong.webp"]


def test_copies_of_a_bad_file_are_bad_too(index: Index, folder: Path, tower: Any) -> None:
    for name in "abc":
        (folder / f"{name}.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    assert index.add(folder, model=tower).bad == 3
    assert len(list(index.entries("bad"))) == 3


def test_texts_and_subtitles(index: Index, folder: Path, tower: Any) -> None:
    (folder / "notes.md").write_text("# Beach\n\nSand and sea.\n", "utf-8")
    cues = (
        "1\n00:00:01,000 --> 00:00:02,500\n红色的花\n\n2\n00:00:03,000 --> 00:00:04,000\nBlue sky\n"
    )
    (folder / "film.srt").write_text(cues, "utf-8")
    index.add(folder, model=tower)
    rows = index.store.db.execute(
        "SELECT l.text, s.start, s.stop FROM lines l JOIN spans s ON s.id = l.span"
        " JOIN items i ON i.content = s.content WHERE i.path LIKE '%.srt' ORDER BY s.number"
    ).fetchall()
    assert rows == [("红色的花", 1.0, 2.5), ("Blue sky", 3.0, 4.0)]
    found = index.store.db.execute(
        "SELECT l.text FROM words w JOIN lines l ON l.id = w.rowid WHERE words MATCH '\"红色\"'"
    ).fetchall()
    assert found == [("红色的花",)]
    assert counts(index)["vectors"] == counts(index)["spans"]


def test_an_empty_text_is_a_text(index: Index, folder: Path, tower: Any) -> None:
    (folder / "empty.txt").write_text("\n \n", "utf-8")
    first, second = index.add(folder, model=tower), index.add(folder, model=tower)
    assert (first.new + first.bad, second.unchanged) == (1, 1)


def test_videos_by_scenes(
    index: Index, folder: Path, film: Callable[[Path, int], Path], tower: Any
) -> None:
    film(folder / "a.mp4", 3)
    added = index.add(folder, model=tower)
    assert added.new == 1
    rows = index.store.db.execute("SELECT start, stop, at FROM spans ORDER BY number").fetchall()
    assert [round(start) for start, _, _ in rows] == [0, 2, 4]
    assert all(start <= at <= stop for start, stop, at in rows)
    (entry,) = index
    assert entry.duration == pytest.approx(6, abs=0.2) and entry.width == 64


def test_a_video_that_breaks_off_keeps_its_scenes(
    index: Index, folder: Path, film: Callable[[Path, int], Path], tower: Any
) -> None:
    data = film(folder / "whole.avi", 6).read_bytes()
    (folder / "whole.avi").unlink()
    (folder / "cut.avi").write_bytes(data[: len(data) * 6 // 10])
    assert index.add(folder, model=tower).new == 1
    (entry,) = index
    assert entry.state is State.OK and entry.note and tower.pictures >= 2


def test_an_unforeseen_error_is_one_files_own(
    index: Index, folder: Path, paint: Paint, tower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(folder / "a.png", (5, 5, 5))
    paint(folder / "b.png", (250, 250, 250))
    right = tower.prepare_image

    def fail(picture: Any) -> Any:
        if picture.mean() > 128:
            raise ZeroDivisionError("too bright")
        return right(picture)

    monkeypatch.setattr(tower, "prepare_image", fail)
    added = index.add(folder, model=tower)
    assert (added.new, added.bad) == (1, 1)
    (entry,) = index.entries("bad")
    assert "did not foresee" in entry.reason and "too bright" in entry.reason


def test_what_memory_refused_is_tried_again(
    index: Index, folder: Path, paint: Paint, tower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(folder / "a.png")

    def fail(_: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(tower, "prepare_image", fail)
        assert index.add(folder, model=tower).bad == 1
    assert index.add(folder, model=tower).new == 1


def test_sounds_are_listed(index: Index, folder: Path, tower: Any) -> None:
    import wave

    with wave.open(str(folder / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    added = index.add(folder, model=tower)
    assert (added.listed, added.new, len(index)) == (1, 0, 0)
    (entry,) = index.entries(State.LISTED)
    assert entry.duration == pytest.approx(1.0)
    assert index.add(folder, model=tower).unchanged == 1


def test_unicode_names(index: Index, folder: Path, paint: Paint, tower: Any) -> None:
    names = ["日本 🌸.png", "naïve'quote\".png", "100%_done.png", "Ünï/cöde.png", "e\u0301.png"]
    for number, name in enumerate(names):
        paint(folder / name, seed=number + 1)
    assert index.add(folder, model=tower).new == len(names)
    assert {entry.path for entry in index} == {folder / name for name in names}
    assert index.add(folder, model=tower).unchanged == len(names)


@pytest.mark.skipif(os.name != "posix" or os.uname().sysname == "Darwin", reason="names are text")
def test_a_name_that_is_no_text_is_told_of(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "good.png")
    raw = os.fsencode(folder) + b"/caf\xe9.png"
    shutil.copy(os.fsencode(folder / "good.png"), raw)
    added = index.add(folder, model=tower)
    assert added.new == 1
    (skipped,) = added.skipped
    assert isinstance(skipped, Skipped) and skipped.reason


def test_exclude_and_roots(index: Index, folder: Path, paint: Paint, tower: Any) -> None:
    paint(folder / "keep" / "a.png", seed=1)
    paint(folder / "skip" / "b.png", seed=2)
    assert index.add([folder], model=tower, exclude=["skip"]).seen == 1
    assert index.add(model=tower).seen == 2  # the folders of before
    index.add(folder / "keep", model=tower)
    assert index.info().roots == (folder,)
    index.add(folder.parent, model=tower, exclude=["home"])
    assert index.info().roots == (folder.parent,)


def test_what_is_not_there_is_an_error(index: Index, folder: Path, tower: Any) -> None:
    with pytest.raises(NotFound):
        index.add(folder / "nowhere", model=tower)
    with pytest.raises(InputError, match="nothing to index"):
        index.add(model=tower)


def test_progress_ends_at_its_total(index: Index, folder: Path, paint: Paint, tower: Any) -> None:
    for seed in range(20):
        paint(folder / f"{seed}.png", seed=seed)
    events = list(index.adding(folder, model=tower))
    assert events[0].done == 0
    assert (events[-1].done, events[-1].total, events[-1].unit) == (20, 20, "files")
    assert all(a.done <= b.done for a, b in itertools.pairwise(events))


def test_a_file_named_twice_is_one_file(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    path = paint(folder / "a.png")
    assert index.add([folder, path, str(path)], model=tower).seen == 1
    assert index.add([folder, path], model=tower).seen == 1
