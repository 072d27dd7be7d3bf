"""The page of a timeline with its item: what stands in it, and how a real browser behaves."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pil

from sensorium.media import preview
from sensorium.results import Carrier, Event, Evidence, Grid, Row, Timeline
from sensorium.views import timeline as view
from sensorium.views.html import fragment, page

LABELS = ("happiness", "anger")
EVIL = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of pictures with a bright face-like square, and a tone of 220 Hz."""
    path = tmp_path_factory.mktemp("page") / "a film.mp4"
    with av.open(str(path), "w") as out:
        pictures = out.add_stream("libx264", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 160, 120, "yuv420p"
        sound = out.add_stream("aac", rate=24_000)
        sound.layout = "mono"
        for at in range(80):
            pixels = np.full((120, 160, 3), 30, np.uint8)
            pixels[20:60, 40:80] = (250, 120, at * 3)
            out.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(pictures.encode(None))
        time = np.arange(8 * 24_000) / 24_000
        tone = np.sin(np.outer([1, 2, 3], 2 * np.pi * 220 * time)).sum(axis=0) * 0.1
        for at in range(0, len(tone), 1024):
            piece = av.AudioFrame.from_ndarray(
                tone[None, at : at + 1024].astype(np.float32), format="fltp", layout="mono"
            )
            piece.sample_rate, piece.pts = 24_000, at
            out.mux(sound.encode(piece))
        out.mux(sound.encode(None))
    return path


def filmed(path: Path) -> Timeline:
    """Happy, then angry; words, a voice and a face; a remark of each kind."""
    happy, angry = {"happiness": 0.8, "anger": 0.2}, {"happiness": 0.1, "anger": 0.9}
    values = (0.8, 0.8, 0.8, 0.8, 0.1, 0.1, 0.0, 0.1)
    seen = (*(True,) * 6, False, True)
    anger = tuple((1 - v) * s for v, s in zip(values, seen, strict=True))
    row = Row({"happiness": values, "anger": anger}, seen)
    box = (40.0, 20.0, 80.0, 60.0)
    signs = {"pitch median, Hz": 220.0, "loudness, LUFS": -23.0}
    return Timeline(
        item=str(path),
        grid=Grid("seconds", 1.0, 8),
        labels=LABELS,
        rows=dict.fromkeys(("fused", "text", "voice", "face", "face-2"), row),
        evidence=(
            Evidence("text", 0, 3, f"so glad {EVIL}", "en", "happiness", happy, {"positive": 1.0},
                     1.0, (Carrier(3, 7, 0.5),)),
            Evidence("voice", 1, 4, "", "", "happiness", happy, {}, 0.0, (), signs),
            Evidence("face", 3, 5, "", "", "happiness", happy, {}, 0.0, (), {}, 3.5, box),
            Evidence("text", 5, 6, "随便吧", "zh", "anger", angry, {}, 0.0),
            Evidence("face-2", 7, 8, "", "", "anger", angry, {}, 0.0, (), {}, 7.5, box),
        ),
        events=(
            Event(4, 5, "fused", "disagreement", f"happy face, angry words {EVIL}"),
            Event(5, 6, "text", "language", "zh"),
            Event(7, 8, "voice", "unknown"),
        ),
        notes=("a reading of signs by small models", f"there is {EVIL}"),
    )  # fmt: skip


def test_a_video_stands_in_the_page_with_faces_words_and_sound(film: Path) -> None:
    told = page((filmed(film),))
    assert "<h1>a film.mp4</h1>" in told and 'src="data:video/mp4;base64,' in told
    assert "media-src data:" in told and "file:" not in told
    crops = re.findall(r'class="felt-crop[^>]*data-at="([\d.]+)"', told)
    assert crops == ["3.500", "7.500"] and told.count("data:image/jpeg") == 4
    assert '<path class="felt-line"' in told and '<path class="felt-wave"' in told
    for words in ("pitch median", "220 Hz", "音高中位数", "rows disagree", "各路不一致", "≠"):
        assert words in told
    assert "left:25.00%;top:16.67%;width:25.00%;height:33.33%" in told


def test_what_comes_from_strangers_stays_text(film: Path) -> None:
    told = page((replace(filmed(film), rows={EVIL: filmed(film).rows["text"]}),))
    assert EVIL not in told and "<img src=x" not in told
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', told, re.DOTALL)
    assert found and EVIL in json.loads(found[1])["rows"]


def test_a_page_without_its_item_has_the_reading(tmp_path: Path) -> None:
    told = page((filmed(tmp_path / "gone.mp4"),))
    assert "<video" not in told and "media-src" not in told and "felt-fused" in told
    assert "220 Hz" in told  # from the signs
    assert "It cannot be shown: " in told and "gone.mp4 does not exist" in told


def test_a_piece_for_a_notebook_has_no_item(film: Path) -> None:
    told = fragment(filmed(film))
    assert "<video" not in told and "felt-fused" in told


def test_a_long_video_is_played_from_where_it_lies(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "WHOLE", 10)
    monkeypatch.setattr(preview, "LONGEST_VIDEO", 1.0)
    told = page((filmed(film),), film.parent)
    assert 'src="a%20film.mp4"' in told and "media-src data: file: 'self'" in told
    assert film.as_uri() in page((filmed(film),), film.parent / "elsewhere")


def test_a_sound_is_its_wave(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16_000)
        stream.layout = "mono"
        samples = (np.sin(np.arange(8 * 16_000) / 10) * 9000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 16_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    told = page((filmed(path),))
    assert '<audio class="felt-media"' in told and "felt-wide" in told


def test_a_photo_has_its_faces(tmp_path: Path) -> None:
    Pil.new("RGB", (160, 120), (90, 60, 40)).save(tmp_path / "a.png")
    happy = {"happiness": 0.8, "anger": 0.2}
    row = Row({"happiness": (0.8,), "anger": (0.2,)}, (True,))
    face = Evidence("face", 0, 1, "", "", "happiness", happy, {}, 0.0, box=(40, 20, 80, 60))
    photo = Timeline(
        item=str(tmp_path / "a.png"),
        grid=Grid("seconds", 1.0, 1),
        labels=LABELS,
        rows={"fused": row, "face": row},
        evidence=(face,),
    )
    told = page((photo,))
    assert told.count('class="felt-box"') == 1 and '<figure class="felt-tracks' not in told
    assert "happiness</span>" in told and "80%" in told


def test_a_name_stays_within_its_picture_and_a_post_shows_its_sentiment(tmp_path: Path) -> None:
    Pil.new("RGB", (160, 120), (90, 60, 40)).save(tmp_path / "a.png")
    happy = {"happiness": 0.8, "anger": 0.2}
    row = Row({"happiness": (0.8,), "anger": (0.2,)}, (True,))
    low = Evidence("face", 0, 1, "", "", "happiness", happy, {}, 0.0, box=(120, 80, 155, 118))
    told = {"positive": 0.9, "negative": 0.1}
    post = Evidence("post", 0, 1, "ha", "en", "positive", {}, told, 0.8)
    photo = Timeline(
        item=str(tmp_path / "a.png"),
        grid=Grid("seconds", 1.0, 1),
        labels=LABELS,
        rows={"fused": row, "face": row},
        evidence=(low, replace(low, row="face-2", box=(0, 0, 90, 120)), post),
    )
    shown = page((photo,))
    assert '<span class="up left">' in shown and '<span class="within">' in shown
    assert 'positive</span><span lang="zh">积极</span> 90%' in shown
    assert 'id="hatch-positive"' in shown
    assert "2 faces" in shown and "post" in shown


def test_pieces_stand_in_the_order_of_the_moments_that_they_show() -> None:
    faces = Evidence(
        "face", 0, 6, "", "", "anger", {"anger": 1.0}, {}, 0.0, at=5.0, box=(0, 0, 9, 9)
    )
    said = Evidence("text", 2, 3, "words", "en", "anger", {"anger": 1.0}, {}, 0.0)
    told = page((replace(filmed(Path("gone.mp4")), evidence=(faces, said)),))
    listed = told[told.index('<ol class="felt-list">') :]
    assert re.findall(r'data-at="([\d.]+)"', listed) == ["2.000", "5.000"]


def test_a_long_timeline_makes_a_page_of_some_size() -> None:
    """Two hours at a step a second, four rows, a cue every three seconds."""
    steps = 7200
    share = tuple((np.sin(np.arange(steps) / 50) * 0.4 + 0.5).tolist())
    row = Row({"happiness": share, "anger": tuple(1 - v for v in share)}, (True,) * steps)
    cues = tuple(
        Evidence("text", at, at + 2, "words " * 8, "en", "anger", {"anger": 1.0}, {}, 0.0)
        for at in range(0, steps, 3)
    )
    events = tuple(Event(at, at + 1, "fused", "unknown") for at in range(0, steps, 2))
    names = ("fused", "text", "voice", "face")
    long = Timeline(
        item="gone.mp4",
        grid=Grid("seconds", 1.0, steps),
        labels=LABELS,
        rows=dict.fromkeys(names, row),
        evidence=cues,
        events=events,
    )
    told = view.body(long)
    assert len(told) < 2_500_000 and "and 1900 more" in told


def test_a_click_moves_what_plays_and_the_playhead(film: Path, browser: Any) -> None:
    path = film.with_suffix(".html")
    path.write_text(page((filmed(film),), film.parent), "utf-8")
    browser.open(path)
    clicked = """(async () => {
        const video = document.querySelector("video");
        const seeked = new Promise((done) => video.addEventListener("seeked", done, {once: true}));
        document.querySelectorAll(".felt-cue")[1].click();
        await seeked;
        const felt = document.querySelector(".felt");
        return [video.currentTime, +felt.style.getPropertyValue("--at"),
            felt.querySelector(".felt-clock b").textContent,
            felt.querySelector(".felt-meters .best").textContent,
            felt.querySelectorAll(".felt-box:not([hidden])").length];
    })()"""
    time, at, clock, best, boxes = browser.run(clicked)
    assert time == pytest.approx(5, abs=0.05) and at == pytest.approx(5 / 8, abs=0.01)
    assert clock == "0:05" and "anger" in best and "90%" in best and boxes == 0
    browser.run("document.querySelectorAll('.felt-crop')[0].click()")
    assert browser.run("document.querySelectorAll('.felt-box:not([hidden])').length") == 1


def test_a_click_in_a_row_and_the_slider_move_the_playhead(film: Path, browser: Any) -> None:
    path = film.with_suffix(".html")
    path.write_text(page((filmed(film),)), "utf-8")
    browser.open(path)
    place = browser.run(
        "(() => { const box = document.querySelector('.felt-fused .felt-cell')"
        ".getBoundingClientRect(); return [box.left + box.width / 4, box.top + 20]; })()"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.ask(
            "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left",
            clickCount=1,
        )  # fmt: skip
    head = "+document.querySelector('.felt').style.getPropertyValue('--at')"
    assert browser.run(head) == pytest.approx(0.25, abs=0.01)
    browser.run("document.querySelector('.felt-slide').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.ask("Input.dispatchKeyEvent", type=kind, key="End", code="End",
                    windowsVirtualKeyCode=35)  # fmt: skip
    assert browser.run(head) == 1


def test_a_video_that_lies_beside_the_page_plays(
    film: Path, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "WHOLE", 10)
    monkeypatch.setattr(preview, "LONGEST_VIDEO", 1.0)
    path = film.with_suffix(".html")
    path.write_text(page((filmed(film),), film.parent), "utf-8")
    browser.open(path)
    ready = """(async () => {
        const video = document.querySelector("video");
        for (let n = 0; n < 100 && !video.readyState; n++) {
            await new Promise((done) => setTimeout(done, 50));
        }
        return video.duration;
    })()"""
    assert browser.run(ready) == pytest.approx(8, abs=0.2)


def test_the_other_language_and_no_word_to_the_network(film: Path, browser: Any) -> None:
    path = film.with_suffix(".html")
    path.write_text(page((filmed(film),)), "utf-8")
    browser.open(path)
    shown = "getComputedStyle(document.querySelector('[lang=zh]')).display"
    assert browser.run(shown) == "none"
    browser.run("document.querySelector('.language').click()")
    assert browser.run(shown) != "none"
    assert "高兴" in browser.run("document.querySelector('.felt-kinds').innerText")
    entries = "performance.getEntriesByType('resource').map((one) => one.name.slice(0, 5))"
    assert set(browser.run(entries)) <= {"data:"}
    assert browser.run("document.querySelectorAll('img[src=x]').length") == 0


def test_the_panel_says_unknown_where_nothing_stands_out(film: Path, browser: Any) -> None:
    """At 0:01 0.346 would round to the 35% that a label must have."""
    values = ((0.9, 0.346, 0.0), (0.05, 0.327, 0.0), (0.05, 0.327, 0.0))
    labels = ("anger", "fear", "neutral")
    row = Row(dict(zip(labels, values, strict=True)), (True, True, False))
    told = replace(
        filmed(film), labels=labels, rows={"fused": row, "voice": row}, grid=Grid("seconds", 1, 3)
    )
    path = film.with_suffix(".html")
    path.write_text(page((told,)), "utf-8")
    browser.open(path)
    panel = """(at) => {
        const slide = document.querySelector(".felt-slide");
        slide.value = at;
        slide.dispatchEvent(new Event("input"));
        return [...document.querySelectorAll(".felt-kinds div")].map((one) => one.innerText)
            .concat(document.querySelectorAll(".felt-meters .best").length,
                slide.getAttribute("aria-valuetext"));
    }"""

    def at(seconds: float) -> list[Any]:
        found: list[Any] = browser.run(f"({panel})({seconds})")
        return [" ".join(one.split()) if isinstance(one, str) else one for one in found]

    assert at(0.5) == ["fused anger 90%", "voice anger 90%", 1, "0:00 anger 90%"]
    said = "unknown (likeliest: anger 35%)"
    assert at(1.5) == [f"fused {said}", f"voice {said}", 0, f"0:01 {said}"]
    assert at(2.5) == ["fused –", "voice –", 0, "0:02 –"]
    browser.run("document.querySelector('.language').click()")
    assert at(1.5)[:2] == ["综合 不确定（最可能：愤怒 35%）", "声音 不确定（最可能：愤怒 35%）"]
