import math
import sqlite3
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.index.filter import Filter, Near, kilometres, teach
from sensorium.media import Kind

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE items (path, kind, modified, taken, latitude, longitude, camera)")
    teach(db)
    yield db
    db.close()


def put(db: sqlite3.Connection, *rows: tuple[object, ...]) -> None:
    db.execute("DELETE FROM items")
    db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def passing(db: sqlite3.Connection, chosen: Filter) -> list[str]:
    sql, values = chosen.where()
    return [row[0] for row in db.execute(f"SELECT path FROM items WHERE {sql}", values)]


def test_everything_passes_an_empty_filter(db: sqlite3.Connection) -> None:
    put(db, ("/a.jpg", "image", 0, None, None, None, ""))
    assert passing(db, Filter()) == ["/a.jpg"]
    assert not Filter()


def test_kind_camera_and_path(db: sqlite3.Connection) -> None:
    put(
        db,
        ("/p/IMG_1.jpg", "image", 0, None, None, None, "NIKON D700"),
        ("/p/2023/IMG_2.jpg", "image", 0, None, None, None, "100%_sure"),
        ("/p/2023/clip.mp4", "video", 0, None, None, None, ""),
    )
    assert passing(db, Filter(kinds=(Kind.VIDEO,))) == ["/p/2023/clip.mp4"]
    assert passing(db, Filter(camera="nikon")) == ["/p/IMG_1.jpg"]
    assert passing(db, Filter(camera="0%_s")) == ["/p/2023/IMG_2.jpg"]
    assert passing(db, Filter(camera="_")) == ["/p/2023/IMG_2.jpg"]
    assert len(passing(db, Filter(path="IMG_*"))) == 2
    assert len(passing(db, Filter(path="*/2023/*"))) == 2
    assert passing(db, Filter(path="/p/2023/*.jpg", kinds=(Kind.IMAGE,))) == ["/p/2023/IMG_2.jpg"]


def test_days_include_both_ends(db: sqlite3.Connection) -> None:
    put(
        db,
        ("a", "image", 0, "2023-05-01T00:00:00", None, None, ""),
        ("b", "image", 0, "2023-05-02T23:59:59", None, None, ""),
        ("c", "image", 0, "2023-05-03", None, None, ""),
        ("d", "image", 1_700_000_000 * 10**9, None, None, None, ""),  # of November 2023
    )
    assert passing(db, Filter(since=date(2023, 5, 1), until=date(2023, 5, 2))) == ["a", "b"]
    assert passing(db, Filter(since=date(2023, 5, 3))) == ["c", "d"]
    assert passing(db, Filter(until=date.max)) == ["a", "b", "c", "d"]
    with pytest.raises(InputError):
        Filter(since=date(2023, 5, 2), until=date(2023, 5, 1))


def test_known_distance() -> None:
    assert kilometres(48.8566, 2.3522, 51.5074, -0.1278) == pytest.approx(343.6, abs=0.5)
    assert kilometres(0, 179.5, 0, -179.5) == pytest.approx(111.2, abs=0.1)


def test_across_the_date_line(db: sqlite3.Connection) -> None:
    put(
        db,
        ("west", "image", 0, None, 0.0, 179.9, ""),
        ("east", "image", 0, None, 0.0, -179.9, ""),
        ("far", "image", 0, None, 0.0, 170.0, ""),
        ("nowhere", "image", 0, None, None, None, ""),
    )
    assert passing(db, Filter(near=Near(0, 180, 50))) == ["west", "east"]
    assert passing(db, Filter(near=Near(0, -179.95, 50))) == ["west", "east"]


@given(latitudes, longitudes, st.floats(0.1, 25_000), latitudes, longitudes)
def test_near_is_the_true_circle(
    db: sqlite3.Connection, north: float, east: float, radius: float, lat: float, lon: float
) -> None:
    """The box before the distance never loses a place that is near enough."""
    put(db, ("x", "image", 0, None, lat, lon, ""))
    near = Near(north, east, radius)
    assert passing(db, Filter(near=near)) == ["x"] * (kilometres(lat, lon, north, east) <= radius)


@given(latitudes, longitudes, st.floats(0.1, 500), st.floats(0, 2 * math.pi))
def test_a_place_within_the_radius_passes(
    db: sqlite3.Connection, north: float, east: float, radius: float, bearing: float
) -> None:
    degrees = math.degrees(radius * 0.9 / 6371)
    lat = north + degrees * math.cos(bearing)
    lon = east + degrees * math.sin(bearing)
    if abs(lat) <= 90:
        put(db, ("x", "image", 0, None, lat, (lon + 540) % 360 - 180, ""))
        assert passing(db, Filter(near=Near(north, east, radius))) == ["x"]


@pytest.mark.parametrize(
    "text", ["", "1,2", "91,0,5", "0,181,5", "0,0,0", "0,0,-1", "a,b,c", "nan,0,1"]
)
def test_bad_places(text: str) -> None:
    with pytest.raises(InputError):
        Near.of(text)


def test_a_place_as_typed() -> None:
    assert Near.of("48.85, 2.35,5") == Near(48.85, 2.35, 5)
    assert str(Near.of("48.85,2.35,5")) == "48.85,2.35,5"
