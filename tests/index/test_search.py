import threading
import wave
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from sensorium.errors import InputError
from sensorium.index import Index, Query
from sensorium.index.filter import Filter, Near
from sensorium.index.relevance import Relevance, place_of
from sensorium.index.search import Searcher, among, embed
from sensorium.index.words import tokens
from sensorium.media import Kind, Span
from sensorium.results import Hit, Hits

Paint = Callable[..., Path]
Film = Callable[[Path, int], Path]
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 40), (30, 50, 220), (230, 220, 40)


@pytest.fixture
def searcher(index: Index) -> Iterator[Searcher]:
    searcher = Searcher(index.store)
    yield searcher
    searcher.close()


def names(hits: Hits) -> list[str]:
    return [hit.path.name for hit in hits.hits]


def scored(hit: Hit) -> float:
    assert hit.score is not None
    return hit.score


def pattern(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """A picture of one colour, patched with others."""
    patches = np.random.default_rng(seed).normal(0, 70, size=(8, 8, 3))
    blocks = np.clip(np.array(colour) + patches, 0, 255).astype(np.uint8)
    PillowImage.fromarray(blocks.repeat(8, 0).repeat(8, 1)).save(path)


@pytest.fixture
def colours(index: Index, folder: Path, tower: Any) -> Index:
    """Three pictures of each colour."""
    for name, colour in (("a", RED), ("b", GREEN), ("c", BLUE)):
        for seed in range(3):
            pattern(folder / f"{name}{seed}.png", colour, 10 * seed + ord(name))
    index.add(folder, model=tower)
    return index


def test_words_find_pictures(colours: Index, searcher: Searcher, tower: Any) -> None:
    hits = searcher.search(tower, Query.of("red"), k=3)
    assert sorted(names(hits)) == ["a0.png", "a1.png", "a2.png"]
    assert hits.searched == 9
    assert hits.query == "red"
    assert hits.verdict == "unsure"
    assert hits[0].kind == "image"
    assert hits[0].why[0].by == "picture"
    assert hits[0].why[0].model == hits.provenance.model  # type: ignore[union-attr]
    scores = [scored(hit) for hit in hits.hits]
    assert scores == sorted(scores, reverse=True)


def test_the_score_is_the_cosine(
    colours: Index, searcher: Searcher, tower: Any, folder: Path
) -> None:
    hits = searcher.search(tower, Query.of("blue"), k=9)
    pixels = np.asarray(PillowImage.open(hits[0].path))
    cosine = float(tower.embed_images([pixels])[0] @ tower.embed_texts(["blue"])[0])
    assert scored(hits[0]) == pytest.approx(cosine, abs=2e-3)


def test_a_picture_finds_itself_and_its_like(
    colours: Index, searcher: Searcher, tower: Any, folder: Path
) -> None:
    hits = searcher.search(tower, Query.of(folder / "b1.png"), k=3)
    assert names(hits)[0] == "b1.png"
    assert all(name.startswith("b") for name in names(hits))


def test_terms_add_and_subtract(colours: Index, searcher: Searcher, tower: Any) -> None:
    towards = embed(tower, Query.of("red + 0.5:blue"))
    red, blue = tower.embed_texts(["red", "blue"])
    expected = red + 0.5 * blue
    assert towards == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
    away = searcher.search(tower, Query.of("red + blue - red"), k=1)
    assert names(away)[0].startswith("c")
    with pytest.raises(InputError, match="cancel"):
        searcher.search(tower, Query.of("red - red"))


def test_copies_are_one_hit(
    index: Index, searcher: Searcher, tower: Any, folder: Path, paint: Paint
) -> None:
    original = paint(folder / "red.png", RED, 1)
    (folder / "again").mkdir()
    (folder / "again" / "copy.png").write_bytes(original.read_bytes())
    PillowImage.open(original).save(folder / "other-format.jpg", quality=95)
    paint(folder / "green.png", GREEN, 2)
    index.add(folder, model=tower)
    hits = searcher.search(tower, Query.of(original), k=5)
    assert len(hits) == 2
    shown = {hits[0].path, *hits[0].duplicates}
    assert {path.name for path in shown} == {"red.png", "copy.png", "other-format.jpg"}
    assert names(hits)[1] == "green.png"


def test_k_hits_remain_after_folding(
    index: Index, searcher: Searcher, tower: Any, folder: Path, paint: Paint
) -> None:
    """Many copies must not crowd out the rest."""
    for copy in range(80):
        path = paint(folder / f"red{copy}.png", RED, 1)
        with path.open("ab") as file:
            file.write(bytes([copy]))  # another content that shows the same
    paint(folder / "green.png", GREEN, 2)
    index.add(folder, model=tower)
    hits = searcher.search(tower, Query.of("red"), k=2)
    assert len(hits) == 2
    assert len(hits[0].duplicates) == 79


def test_a_video_is_one_hit_at_its_best_moment(
    index: Index, searcher: Searcher, tower: Any, folder: Path, film: Film, paint: Paint
) -> None:
    clip = film(folder / "clip.mp4", 4)
    paint(folder / "red.png", RED, 1)
    index.add(folder, model=tower)
    hits = searcher.search(tower, Query.of(f"{clip}@3s"), k=5)
    assert names(hits).count("clip.mp4") == 1
    assert hits[0].kind == "video"
    assert hits[0].span is not None
    assert hits[0].span.start <= 3 <= hits[0].span.end
    assert hits[0].span not in hits[0].moments


def test_a_video_is_shown_where_the_asked_words_stand(
    index: Index, searcher: Searcher, tower: Any, folder: Path, film: Film
) -> None:
    clip = film(folder / "clip.mp4", 4)
    index.add(folder, model=tower)
    looks = searcher.search(tower, Query.of(f"{clip}@3s"), k=1)[0]
    sql = "SELECT id, start, stop FROM spans WHERE start != ? ORDER BY start LIMIT 1"
    assert looks.span is not None
    span, start, stop = index.store.db.execute(sql, (looks.span.start,)).fetchone()
    with index.store.transaction():
        index.store.put_line(span, "read", "Quarterly revenue", tokens("Quarterly revenue"), None)
    words = searcher.search(tower, Query.of("quarterly revenue"), k=1)[0]
    assert words.span == Span(start, stop) and words.span not in words.moments


def test_passages_find_and_are_found(
    index: Index, searcher: Searcher, tower: Any, folder: Path, paint: Paint
) -> None:
    (folder / "notes.txt").write_text("The door is red.\n\nThe sea was blue that day.\n")
    (folder / "zh.txt").write_text("两只狗在草地上奔跑\n")
    paint(folder / "a.png", RED, 1)
    paint(folder / "b.png", BLUE, 1)
    index.add(folder, model=tower)
    hits = searcher.search(tower, Query.of("the sea was blue"), k=3)
    assert names(hits)[0] == "notes.txt"
    assert "blue" in hits[0].text
    assert hits[0].why[0].by == "text"
    assert names(searcher.search(tower, Query.of("草地"), k=1)) == ["zh.txt"]
    from_picture = searcher.search(
        tower, Query.of(folder / "b.png"), k=1, chosen=Filter(kinds=(Kind.TEXT,))
    )
    assert from_picture[0].text == "The sea was blue that day."


def test_words_move_a_hit_and_leave_its_score(
    colours: Index, searcher: Searcher, tower: Any, folder: Path, paint: Paint
) -> None:
    """Even one that is no neighbour by vector, and a sound has none."""
    sign = paint(folder / "blue sign.png", YELLOW, 5)
    (folder / "notes.txt").write_text("A blue sign.\n\nNothing else.\n")
    with wave.open(str(folder / "blue sign.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(8000))
    colours.add(folder, model=tower)
    query = tower.embed_texts(["blue sign"])[0]
    hits = searcher.search(tower, Query.of("blue sign"), k=20)
    scores = {hit.path.name: hit.score for hit in hits.hits}
    pixels = np.asarray(PillowImage.open(sign))
    cosine = float(tower.embed_images([pixels])[0] @ query)
    assert scores["blue sign.png"] == pytest.approx(cosine, abs=2e-3)
    assert scores["notes.txt"] == pytest.approx(
        float((tower.embed_texts(["A blue sign.", "Nothing else."]) @ query).max()), abs=2e-3
    )
    assert scores["blue sign.wav"] is None
    assert hits.searched == 12  # the sound as well: its name was looked at
    least = scored(next(hit for hit in hits if hit.path.name == "notes.txt")) - 1e-4
    strict = searcher.search(tower, Query.of("blue sign"), k=20, min_score=least)
    assert [hit.path.name for hit in strict.hits] == [
        name for name, score in scores.items() if score is not None and score >= least
    ]


def test_names_match_modestly(
    colours: Index, searcher: Searcher, tower: Any, folder: Path, paint: Paint
) -> None:
    paint(folder / "receipt_hotel.png", YELLOW, 5)
    colours.add(folder, model=tower)
    hits = searcher.search(tower, Query.of("hotel receipt"), k=2)
    hit = next(hit for hit in hits.hits if hit.path.name == "receipt_hotel.png")
    assert hit.why[-1].by == "name"
    assert hits.verdict == "found"


def test_filters(colours: Index, searcher: Searcher, tower: Any, film: Film, folder: Path) -> None:
    film(folder / "clip.mp4", 2)
    colours.add(folder, model=tower)
    videos = searcher.search(tower, Query.of("red"), chosen=Filter(kinds=(Kind.VIDEO,)))
    assert names(videos) == ["clip.mp4"]
    assert videos.searched == 1
    assert len(searcher.search(tower, Query.of("red"), k=20, chosen=Filter(path="b*"))) == 3
    nobody = searcher.search(tower, Query.of("red"), chosen=Filter(until=date(1990, 1, 1)))
    assert len(nobody) == nobody.searched == 0


def test_a_search_within_a_walk_over_the_library(
    colours: Index, searcher: Searcher, tower: Any
) -> None:
    """SQLite takes no new function while a statement runs."""
    near = Filter(near=Near(48.85, 2.35, 5))
    for _ in colours.entries():
        assert len(searcher.search(tower, Query.of("red"), chosen=near)) == 0


def test_min_score(colours: Index, searcher: Searcher, tower: Any) -> None:
    everything = searcher.search(tower, Query.of("red"), k=9)
    cut = scored(everything[4])
    assert len(searcher.search(tower, Query.of("red"), k=9, min_score=cut)) == 5


def test_what_is_gone_is_not_found(
    colours: Index, searcher: Searcher, tower: Any, folder: Path
) -> None:
    assert len(searcher.search(tower, Query.of("red"), k=20)) == 9
    (folder / "a0.png").unlink()
    colours.add(folder, model=tower)
    hits = searcher.search(tower, Query.of("red"), k=20)
    assert len(hits) == hits.searched == 8
    assert "a0.png" not in names(hits)


def test_another_model_sees_nothing_here(colours: Index, searcher: Searcher, towers: Any) -> None:
    hits = searcher.search(towers("another"), Query.of("red"))
    assert len(hits) == hits.searched == 0


def test_an_empty_library(index: Index, searcher: Searcher, tower: Any, folder: Path) -> None:
    assert len(searcher.search(tower, Query.of("red"))) == 0
    index.add(folder, model=tower)
    assert len(searcher.search(tower, Query.of("red"))) == 0


def test_hits_go_to_json_and_back(colours: Index, searcher: Searcher, tower: Any) -> None:
    hits = searcher.search(tower, Query.of("red"))
    assert Hits.from_json(hits.to_json()) == hits


def test_duplicates_of_a_library(
    colours: Index, searcher: Searcher, tower: Any, folder: Path, paint: Paint
) -> None:
    (folder / "copy.png").write_bytes((folder / "a0.png").read_bytes())
    PillowImage.open(folder / "b1.png").resize((48, 48)).save(folder / "small.jpg", quality=95)
    (folder / "one.txt").write_text("The same words.\n")
    (folder / "two.txt").write_text("The same words.\n")
    colours.add(folder, model=tower)
    groups = [{path.name for path in group} for group in searcher.duplicates(tower.provenance)]
    expected = [{"a0.png", "copy.png"}, {"b1.png", "small.jpg"}, {"one.txt", "two.txt"}]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, expected))
    exact = list(searcher.duplicates(tower.provenance, threshold=2))
    assert len(exact) == 2


def test_sentences_for_a_picture(tower: Any, folder: Path, paint: Paint) -> None:
    red = paint(folder / "red.png", RED, 1)
    hits = among(tower, Query.of(red), ["green", "  red", "", "blue ", "red"], Path("lines.txt"))
    assert hits[0].text == "red"
    assert sorted(hit.text for hit in hits.hits) == ["blue", "green", "red"]
    assert hits.searched == 3
    assert {hit.path for hit in hits.hits} == {Path("lines.txt")}
    best = among(tower, Query.of(red), ["green", "red", "blue"], Path("lines.txt"), k=1)
    assert [hit.text for hit in best.hits] == [hits[0].text] and best.searched == 3
    with pytest.raises(InputError, match="no sentences"):
        among(tower, Query.of(red), ["", " "], Path("lines.txt"))


def test_words_in_a_picture(colours: Index, searcher: Searcher, tower: Any, folder: Path) -> None:
    before = searcher.search(tower, Query.of("hotel astoria"), k=9)
    assert all(hit.why[0].by == "picture" for hit in before.hits)
    with colours.store.transaction() as db:
        sql = "SELECT s.id FROM spans s JOIN items i ON i.content = s.content WHERE i.path = ?"
        (span,) = db.execute(sql, (str(folder / "c1.png"),)).fetchone()
        for number, line in enumerate(("HOTEL", "Astoria", "open all night")):
            box = (10.0, 20.0 * number, 60.0, 20.0 * number + 15)
            colours.store.put_line(span, "read", line, tokens(line), box)
    hits = searcher.search(tower, Query.of("hotel astoria"), k=9)
    assert names(hits)[0] == "c1.png"
    reasons = [why for why in hits[0].why if why.by == "words in the picture"]
    assert {why.text for why in reasons} == {"HOTEL", "Astoria"}
    assert reasons[0].box is not None
    assert reasons[0].model == "read"
    assert hits.verdict == "found"
    assert len(hits) == 9


def test_a_verdict_needs_a_fit(
    index: Index, tower: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(60):
        pattern(folder / f"{number}.png", (RED, GREEN, BLUE)[number % 3], number)
    index.add(folder, model=tower)
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path))
    assert Searcher(index.store).search(tower, Query.of("red")).verdict == "unsure"
    bank = tower.embed_texts(["red", "green", "blue", "yellow", "white", "a dog"])
    for cut_off, floor, verdict in (
        (0.0, 0.0, "found"),
        (1.0, 1.0, "nothing"),
        (1.0, 0.0, "unsure"),
    ):
        Relevance("colours", tower.provenance.revision, (-2, 3, 1, 0), cut_off, floor, bank).save(
            place_of(tower.provenance.revision)
        )
        hits = Searcher(index.store).search(tower, Query.of("red"))
        assert hits.verdict == verdict
        assert all(hit.relevance is not None for hit in hits.hits)
        assert 0 < (hits[0].relevance or 0) < 1
    asked_by_picture = Searcher(index.store).search(tower, Query.of(folder / "0.png"))
    assert asked_by_picture.verdict == "unsure"
    assert asked_by_picture[0].relevance is None
    few = Filter(path="1?.png")
    assert Searcher(index.store).search(tower, Query.of("red"), chosen=few).verdict == "unsure"


def test_many_may_search_while_files_are_added(
    index: Index, searcher: Searcher, tower: Any, folder: Path
) -> None:
    for number in range(6):
        pattern(folder / f"{number}.png", RED, number)
    index.add(folder, model=tower)
    counts: list[int] = []

    def ask() -> None:
        counts.extend(len(searcher.search(tower, Query.of("red"), k=50)) for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(6, 12):
        pattern(folder / f"{number}.png", RED, number)
    index.add(folder, model=tower)
    for thread in threads:
        thread.join()
    assert len(counts) == 40
    assert set(counts) <= set(range(6, 13))
    assert len(searcher.search(tower, Query.of("red"), k=50)) == 12


def test_a_filter_that_lets_few_through_is_exact(
    index: Index, searcher: Searcher, tower: Any, folder: Path
) -> None:
    """The last of the filtered items are found, though hundreds of others are nearer."""
    for number in range(400):
        pattern(folder / f"{number:03}.png", RED if number % 100 else BLUE, number)
    index.add(folder, model=tower)
    hits = searcher.search(tower, Query.of("red"), k=3, chosen=Filter(path="?00.png"))
    assert len(hits) == 3
    assert all(name.endswith("00.png") for name in names(hits))
    assert hits.searched == 4
    assert len(searcher.search(tower, Query.of("red"), k=9, chosen=Filter(path="?00.png"))) == 4
