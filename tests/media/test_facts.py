"""When, where and with what: EXIF of pictures, tags of videos."""

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sensorium.media.facts import Facts, camera_name, facts_of_tags
from sensorium.media.image import read_picture

HIDDEN, PLACE = 0x8769, 0x8825


def read(main: dict[int, Any], detail: dict[int, Any], place: dict[int, Any]) -> Facts:
    exif = Image.Exif()
    exif.update(main)
    if detail:
        exif[HIDDEN] = detail
    if place:
        exif[PLACE] = place
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    return read_picture(out.getvalue()).facts


NORTH_EAST = {1: "N", 2: (43.0, 28.0, 2.8139), 3: "E", 4: (11.0, 53.0, 6.4559)}


def test_all_that_a_camera_writes() -> None:
    facts = read(
        {0x010F: "Canon", 0x0110: "Canon EOS R5", 0x0132: "2023:01:01 00:00:00"},
        {0x9003: "2022:03:31 11:31:56"},
        NORTH_EAST,
    )
    assert facts == Facts(datetime(2022, 3, 31, 11, 31, 56), (43.467448, 11.885127), "Canon EOS R5")


def test_south_and_west_are_negative() -> None:
    place = NORTH_EAST | {1: "S", 3: "W"}
    assert read({}, {}, place).place == (-43.467448, -11.885127)


@pytest.mark.parametrize(
    "place",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        NORTH_EAST | {2: (95.0, 0.0, 0.0)},
        NORTH_EAST | {4: (200.0, 0.0, 0.0)},
        {1: "N", 2: (43.0, 28.0, 2.8)},
    ],
)
def test_absurd_places_are_dropped(place: dict[int, Any]) -> None:
    assert read({}, {}, place).place is None


def test_the_next_best_date_is_taken() -> None:
    assert read({0x0132: "2020:02:03 04:05:06"}, {}, {}).taken == datetime(2020, 2, 3, 4, 5, 6)
    both = read({0x0132: "2020:02:03 04:05:06"}, {0x9003: "0000:00:00 00:00:00"}, {})
    assert both.taken == datetime(2020, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("stamp", ["", "yesterday", "2022:02:31 10:00:00", "1970:01:01 00:00:00"])
def test_absurd_dates_are_dropped(stamp: str) -> None:
    assert read({}, {0x9003: stamp}, {}).taken is None


def test_the_future_is_dropped() -> None:
    later = datetime.now() + timedelta(days=400)
    assert read({}, {0x9003: f"{later:%Y:%m:%d %H:%M:%S}"}, {}).taken is None


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("", "Pixel 8", "Pixel 8"),
        ("Sony", "", "Sony"),
        ("", "", ""),
    ],
)
def test_a_maker_is_named_once(make: str, model: str, name: str) -> None:
    assert camera_name(make, model) == name


def test_tags_of_a_video() -> None:
    facts = facts_of_tags(
        {
            "com.apple.quicktime.creationdate": "2023-05-06T18:20:11+0200",
            "creation_time": "2023-05-06T16:20:11.000000Z",
            "com.apple.quicktime.location.ISO6709": "+37.7858-122.4064+012.300/",
            "com.apple.quicktime.make": "Apple",
            "com.apple.quicktime.model": "iPhone 15",
        }
    )
    assert facts == Facts(datetime(2023, 5, 6, 18, 20, 11), (37.7858, -122.4064), "Apple iPhone 15")
    utc = facts_of_tags({"creation_time": "2023-05-06T16:20:11.000000Z"}).taken
    assert utc is not None
    assert abs(utc - datetime(2023, 5, 6, 16, 20, 11)) <= timedelta(hours=14)
    assert facts_of_tags({"creation_time": "1904-01-01T00:00:00.000000Z"}).taken is None
    assert facts_of_tags({}) == Facts()


@given(
    st.dictionaries(
        st.sampled_from(["creation_time", "location", "com.apple.quicktime.make"]), st.text()
    )
)
@settings(deadline=None)
def test_any_tags_at_all(tags: dict[str, str]) -> None:
    assert isinstance(facts_of_tags(tags), Facts)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(st.binary(max_size=200), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""]))
@settings(deadline=None)
def test_broken_exif_costs_the_facts_and_not_the_picture(junk: bytes, head: bytes) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=b"Exif\0\0" + head + junk)
    assert read_picture(out.getvalue()).width == 8


def test_nothing_heavy_is_loaded_by_naming_media(tmp_path: Path) -> None:
    import subprocess
    import sys

    loaded = "[m for m in ('PIL', 'av', 'rawpy', 'numpy') if m in sys.modules]"
    script = f"import sys, sensorium.media; print({loaded})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
