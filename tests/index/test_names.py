import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from sensorium.index.names import Names

ENOUGH = 2 / 3


def named(*paths: str) -> Names:
    return Names(list(paths))


def test_a_name_says_what_is_asked() -> None:
    names = named(
        "/p/receipt_hotel-2023.jpg", "/p/IMG_2034.jpg", "/hotel/beach.png", "/p/海边的狗.jpg"
    )
    assert names.saying("hotel receipt", ENOUGH) == ["/p/receipt_hotel-2023.jpg"]
    assert names.saying("IMG_2034", ENOUGH) == ["/p/IMG_2034.jpg"]
    assert names.saying("海边", ENOUGH) == ["/p/海边的狗.jpg"]
    assert names.saying("狗", ENOUGH) == ["/p/海边的狗.jpg"]
    assert names.saying("hotel", ENOUGH) == ["/p/receipt_hotel-2023.jpg"]  # a folder is no name


def test_whole_words_and_no_suffix() -> None:
    names = named("/p/hotdog.jpg", "/p/dog.png", "/p/.dog", "/p/jpg.png")
    assert names.saying("dog", ENOUGH) == ["/p/dog.png", "/p/.dog"]
    assert names.saying("jpg", ENOUGH) == ["/p/jpg.png"]


def test_half_of_what_is_asked_is_not_enough() -> None:
    names = named("/p/red-bicycle.jpg", "/p/red.jpg", "/p/red-bicycle-in-rain.jpg")
    assert names.saying("red bicycle in the rain", ENOUGH) == [
        "/p/red-bicycle-in-rain.jpg",
    ]
    assert names.saying("red bicycle", ENOUGH) == [
        "/p/red-bicycle.jpg",
        "/p/red-bicycle-in-rain.jpg",
    ]


def test_a_word_of_all_names_says_nothing() -> None:
    names = named(*(f"/p/photo-{number:05}.jpg" for number in range(3000)))
    assert names.saying("photo", ENOUGH) == []
    assert names.saying("photo 00042", ENOUGH) == ["/p/photo-00042.jpg"]


def test_nothing_there() -> None:
    assert named().saying("dog", ENOUGH) == []
    assert named("/p/a.jpg").saying("!?", ENOUGH) == []


def test_files_come_and_go() -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, path TEXT)")
    names = Names([]).renewed(db)
    assert names.saying("dog", ENOUGH) == []
    for path in ("/p/dog.jpg", "/p/cat.jpg"):
        db.execute("INSERT INTO items (path) VALUES (?)", (path,))
    first = names.renewed(db)
    assert first.saying("dog", ENOUGH) == ["/p/dog.jpg"]
    assert first.renewed(db) is first
    db.execute("INSERT INTO items (path) VALUES ('/p/other dog.jpg')")
    second = first.renewed(db)
    assert second.saying("dog", ENOUGH) == ["/p/dog.jpg", "/p/other dog.jpg"]
    assert first.saying("other", ENOUGH) == []
    db.execute("DELETE FROM items WHERE id >= 2")
    db.execute("INSERT INTO items (path) VALUES ('/p/horse.jpg'), ('/p/dog again.jpg')")
    third = second.renewed(db)
    assert third.saying("horse", ENOUGH) == ["/p/horse.jpg"]
    assert third.saying("dog", ENOUGH) == ["/p/dog.jpg", "/p/dog again.jpg"]
    db.close()


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1), max_size=8
    )
)
def test_every_name_is_found_by_itself(stems: list[str]) -> None:
    paths = [f"/p/{stem}.jpg" for stem in dict.fromkeys(stems)]
    names = named(*paths)
    for stem, path in zip(dict.fromkeys(stems), paths, strict=True):
        found = names.saying(stem, 1)
        assert not found or path in found
