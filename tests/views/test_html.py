import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sensorium.results import Hits
from sensorium.views.html import fragment, page


class Outline(HTMLParser):
    """Tags with their attributes, and the text; knows which tags must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_page_is_well_formed_and_loads_nothing(shown: Any) -> None:
    outline = Outline(page(shown.all))
    assert not outline.open
    for tag, attributes in outline.tags:
        source = attributes.get("src")
        assert source is None or source.startswith("data:image/jpeg;base64,"), tag
        assert tag not in ("link", "iframe", "object")
        assert attributes.get("href", "file:") and str(attributes.get("href", "file:")).startswith(
            ("file:", "#")
        )
    policy = next(a["content"] for tag, a in outline.tags if a.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'")


def test_what_comes_from_strangers_is_text(shown: Any) -> None:
    told = page(shown.all)
    assert "<query>" not in told and "<b>was" not in told and "<half>" not in told
    assert "a &lt;query&gt;" in told and "evil" in told and "<img>.png" not in told
    assert "<i>" not in told


def test_labels_are_in_both_languages(shown: Any) -> None:
    told = page((shown.hits,))
    for english, chinese in (
        ("very likely", "非常可能"),
        ("also at", "另见"),
        ("not there now", "文件已不在"),
    ):
        assert f'<span lang="en">{english}</span><span lang="zh">{chinese}</span>' in told
    none = Hits(query="q", hits=(), searched=9, verdict="nothing")
    assert "Nothing here matches, among 9 items" in page((none,))
    nearest = replace(shown.hits, verdict="nothing")
    assert "the nearest of 1,234" in page((nearest,)) and "这里没有相符的内容" in page((nearest,))


def test_a_moment_of_a_video_is_linked_to(shown: Any) -> None:
    assert 'href="file:///nowhere/film.mp4#t=61,75"' in page((shown.hits,))


def test_boxes_lie_over_their_picture(shown: Any) -> None:
    told = page((shown.boxes,))
    assert "left:12.50%;top:16.67%;width:37.50%;height:33.33%" in told
    assert told.count("data:image/jpeg") == 1 and "出口" in told


def test_a_notebook_gets_a_piece(shown: Any) -> None:
    for result in shown.all:
        piece = fragment(result)
        assert not Outline(piece).open and "<html" not in piece
        assert result._repr_html_() == piece
    style = re.search(r"<style>(.*?)</style>", fragment(shown.scores), re.DOTALL)
    assert style is not None and "body" not in style[1]


@pytest.mark.parametrize("name", ["page.css", "page.js"])
def test_resources_are_in_the_package(name: str) -> None:
    import sensorium.views

    assert (Path(sensorium.views.__file__).parent / name).is_file()
