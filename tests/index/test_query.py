from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from sensorium.errors import InputError, NotFound
from sensorium.index.query import Query, Term
from sensorium.media import Image, Span, Text, Video, text
from sensorium.media.media import looks_like_path


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder to stand in, with a photo and a clip."""
    PillowImage.new("RGB", (8, 8)).save(tmp_path / "photo.jpg")
    (tmp_path / "my photo.jpg").write_bytes((tmp_path / "photo.jpg").read_bytes())
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (tmp_path / "dog").write_bytes((tmp_path / "photo.jpg").read_bytes())
    monkeypatch.chdir(tmp_path)
    return "photo.jpg"


def said(query: Query) -> list[tuple[float, str]]:
    return [(term.weight, str(term.media.source)) for term in query.terms]


def test_a_sentence() -> None:
    query = Query.of("two dogs on grass")
    assert query.terms == (Term(1.0, Text("two dogs on grass")),)
    assert query.words == "two dogs on grass"


def test_command_line_arguments(photo: str) -> None:
    query = Query.of([photo, "+", "at night", "-", "people"])
    assert said(query) == [(1, photo), (1, "at night"), (-1, "people")]
    assert isinstance(query.terms[0].media, Image)
    assert query == Query.of("photo.jpg + at night - people")


def test_words_without_plus_are_one_text(photo: str) -> None:
    assert said(Query.of(["two", "dogs", "on", "grass"])) == [(1, "two dogs on grass")]
    assert said(Query.of(["two", "dogs", "-", "green", "grass"])) == [
        (1, "two dogs"),
        (-1, "green grass"),
    ]


def test_a_file_among_words_stands_alone(photo: str) -> None:
    assert said(Query.of([photo, "at", "night"])) == [(1, photo), (1, "at night")]
    assert said(Query.of("like my photo.jpg today")) == [(1, "like my"), (1, photo), (1, "today")]
    assert said(Query.of("my photo.jpg")) == [(1, "my photo.jpg")]
    assert isinstance(Query.of("a dog").terms[0].media, Text)  # though a file has that name


def test_words_that_are_looked_for(photo: str) -> None:
    assert Query.of("cat + 2:green grass - people").texts == ("cat", "green grass")
    assert Query.of("photo.jpg + at night").texts == ()
    assert Query.of(["cat", "-", photo]).texts == ("cat",)
    assert Query.of("a cat").is_sentence
    assert not Query.of("cat - people").is_sentence
    assert not Query.of(photo).is_sentence


def test_a_folder_is_no_term(photo: str) -> None:
    Path("photos").mkdir()
    assert said(Query.of("photos")) == [(1, "photos")]
    assert isinstance(Query.of(["old", "photos"]).terms[0].media, Text)
    with pytest.raises(InputError, match="folder"):
        Query.of(str(Path("photos").absolute()))


def test_weights(photo: str) -> None:
    assert said(Query.of("0.5:photo.jpg + 2:night - .25:people")) == [
        (0.5, photo),
        (2, "night"),
        (-0.25, "people"),
    ]
    assert said(Query.of(["1.5: 3 dogs"])) == [(1.5, "3 dogs")]
    assert said(Query.of("12:30 at the station")) == [(1, "12:30 at the station")]
    with pytest.raises(InputError, match="weight"):
        Query.of("0:dog")


def test_one_frame_of_a_clip(photo: str) -> None:
    media = Query.of("clip.mp4@12s + night").terms[0].media
    assert media == Video(Path("clip.mp4"), Span(12, 12))
    assert Query.of("clip.mp4@12s").words == "clip.mp4@12s"


def test_quotes_keep_a_term_whole() -> None:
    assert said(Query.of('"rock - paper" - 0.5:"2:1"')) == [(1, "rock - paper"), (-0.5, "2:1")]
    assert said(Query.of('a 5" disk - "')) == [(1, 'a 5" disk'), (-1, '"')]
    assert said(Query.of(["rock - paper", "+", "x"])) == [(1, "rock - paper"), (1, "x")]


def test_given_things(photo: str) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    for given_ in (pixels, PillowImage.new("RGB", (4, 4)), Path(photo), Image(pixels)):
        assert isinstance(Query.of(given_).terms[0].media, Image)
    mixed = Query.of([pixels, "-", "people", "there"])
    assert [term.weight for term in mixed.terms] == [1, -1]
    assert mixed.words == "the given image - people there"
    assert Query.of(mixed) is mixed
    assert Query.of(text("photo.jpg")).terms[0].media == Text("photo.jpg")


def test_nothing_asked() -> None:
    for empty in ("", "  ", [], "- people", ["-", "people"], "+", text("")):
        with pytest.raises(InputError, match="nothing is looked for"):
            Query.of(empty)


def test_what_is_not_there(photo: str) -> None:
    with pytest.raises(NotFound):
        Query.of("missing.jpg + night")
    with pytest.raises(NotFound):
        Query.of("clip2.mp4@3s")


def test_sounds_are_refused(photo: str) -> None:
    Path("bark.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    with pytest.raises(InputError, match="it is a sound"):
        Query.of("bark.wav")


words = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)
terms = st.builds(
    Term,
    st.floats(0.001, 1000) | st.integers(1, 9).map(float),
    words.filter(lambda one: not looks_like_path(one)).map(Text),
)


@given(looked_for=terms, others=st.lists(st.tuples(st.booleans(), terms), max_size=4))
def test_what_is_shown_reads_back(looked_for: Term, others: list[tuple[bool, Term]]) -> None:
    signed = (Term(-one.weight, one.media) if minus else one for minus, one in others)
    query = Query((looked_for, *signed))
    assert Query.of(str(query)) == query


@given(st.text(max_size=30))
def test_any_text_is_a_query_or_an_error(typed: str) -> None:
    assume(not looks_like_path(typed))
    try:
        query = Query.of(typed)
    except (InputError, NotFound):
        return
    assert Query.of(str(query)) == query
