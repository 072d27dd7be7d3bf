"""How a result looks on a page: one file that stands alone, or a piece of one for a notebook.

Nothing is loaded from anywhere; pictures stand in the page itself, and whatever comes from a file
or a query is escaped. Labels are there in English and Chinese, and the browser's language picks.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import assert_never

from PIL import Image as Pil

from sensorium.errors import SensoriumError
from sensorium.media import Image, Media, Video
from sensorium.media.media import looks_like_path
from sensorium.results import AnyResult, Boxes, Hit, Hits, Scores, Timeline, Vectors
from sensorium.views import timeline, words
from sensorium.views.said import said as _said
from sensorium.views.stage import Stage
from sensorium.views.thumbnail import jpeg, thumbnail

THUMBNAIL = 400
"""Pixels of a thumbnail's longer side."""
PICTURE = 1600
"""Pixels of the longer side of a picture with boxes."""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_LANGUAGE = (
    '<button type="button" class="language" hidden>'
    '<span lang="en">中文</span><span lang="zh">English</span></button>'
)


def page(results: Sequence[AnyResult], folder: Path | None = None) -> str:
    """A whole page for one result or several. folder: where it will lie, so that it finds what is
    too long to stand in it."""
    shown = {id(one): timeline.look(one, folder) for one in results if isinstance(one, Timeline)}
    sections = "".join(
        f"<section>{_body(one, shown.get(id(one), Stage()))}</section>" for one in results
    )
    title = escape(_title(results[0]))
    scripts = ["page.js", *(["timeline.js"] if shown else [])]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(shown.values())}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title} · sensorium</title><style>{_style(*results)}\n"
        "body { margin: 0; } .sensorium { background: var(--ground); min-height: 100vh;"
        " padding: clamp(1rem, 4vw, 3rem); box-sizing: border-box; }</style></head>"
        f'<body><main class="sensorium">{_LANGUAGE}{sections}</main>'
        f"<script>{''.join(map(_read, scripts))}</script></body></html>\n"
    )


def fragment(result: AnyResult) -> str:
    """A piece of HTML for a notebook, with its own style; of a timeline without its item."""
    return f'<style>{_style(result)}</style><div class="sensorium">{_body(result, Stage())}</div>'


def _style(*results: AnyResult) -> str:
    more = _read("timeline.css") if any(isinstance(one, Timeline) for one in results) else ""
    return _read("page.css") + more


def _policy(shown: Iterable[Stage]) -> str:
    """What the page may load: what stands in it, and the file beside it that it plays."""
    stages = [one for one in shown if one.plays]
    if not stages:
        return _POLICY
    beside = " file: 'self'" if any(one.linked for one in stages) else ""
    return f"{_POLICY}; media-src data:{beside}"


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _title(result: AnyResult) -> str:
    match result:
        case Hits():
            return result.query
        case Scores() | Boxes():
            return result.item
        case Timeline():
            return words.short(_item(result))
        case Vectors():
            return f"{len(result)} x {result.values.shape[1]}"
        case _:
            assert_never(result)


def _item(result: Timeline) -> str:
    """A file by its name, words as they are."""
    return Path(result.item).name if looks_like_path(result.item) else result.item


def _body(result: AnyResult, shown: Stage) -> str:
    match result:
        case Hits():
            return _hits(result)
        case Scores():
            return _scores(result)
        case Vectors():
            return _vectors(result)
        case Boxes():
            return _boxes(result)
        case Timeline():
            head = _head(escape(words.short(_item(result))), timeline.size(result))
            return head + timeline.body(result, shown)
        case _:
            assert_never(result)


def _head(title: str, told: str) -> str:
    return f'<header><h1>{title}</h1><p class="soft">{told}</p></header>'


def _hits(hits: Hits) -> str:
    n, of = len(hits), f"{hits.searched:,}"
    if hits.verdict == "nothing" and not n:
        told = _said(f"Nothing here matches, among {of} items", f"{of} 项中没有相符的内容")
    elif hits.verdict == "nothing":
        told = _said(
            f"Nothing here matches. These are the nearest of {of}.",
            f"这里没有相符的内容。以下是 {of} 项中最接近的。",
        )
    else:
        told = _said(f"{n} of {of} items", f"{of} 项中的 {n} 项")
    cards = "".join(f"<li>{_card(place, hit)}</li>" for place, hit in enumerate(hits.hits, 1))
    return _head(escape(hits.query), told) + f'<ol class="hits">{cards}</ol>'


def _card(place: int, hit: Hit) -> str:
    lines = "".join(f"<p>{line}</p>" for line in _told(hit))
    return (
        f'<a class="hit" href="{escape(_link(hit))}" title="{escape(str(hit.path))}">'
        f'<div class="look">{_look(hit)}</div><div class="told"><p class="name">'
        f'<span class="place">{place}</span>{escape(hit.path.name)}</p>{lines}</div></a>'
    )


def _told(hit: Hit) -> Iterable[str]:
    fit = _fit(hit)
    if hit.span:
        fit += f' <span class="soft">· {words.moment(hit.span)}</span>'
    yield fit
    for reason in hit.why:
        match reason.by:
            case "picture" | "text" if hit.text or reason.by == "picture":
                continue  # the card itself shows it
            case "text":
                yield f"{_said('says', '提到')} “{escape(words.short(reason.text))}”"
            case "words in the picture":
                yield f"{_said('shows the words', '图中文字')} “{escape(words.short(reason.text))}”"
            case "name":
                yield _said("its name says so", "文件名相符")
            case other:
                yield escape(f"{other} {words.short(reason.text)}")
    if hit.moments:
        also = ", ".join(words.moment(span) for span in hit.moments[:6])
        yield f'<span class="soft">{_said("also at", "另见")} {also}</span>'
    if hit.duplicates:
        named = ", ".join(path.name for path in hit.duplicates)
        n = len(hit.duplicates)
        copies = _said(f"{n} more the same", f"另有 {n} 个相同文件")
        yield f'<span class="soft" title="{escape(named)}">{copies}</span>'


_ZH = {"very likely": "非常可能", "likely": "可能", "perhaps": "也许", "unlikely": "不太可能"}


def _fit(hit: Hit) -> str:
    if hit.relevance is None:
        score = "" if hit.score is None else f"{hit.score:.3f}"
        return score and f'<span class="soft">{_said("score", "得分")} {score}</span>'
    told = words.likelihood(hit.relevance)
    colour = "good" if hit.relevance >= 0.6 else "fair" if hit.relevance >= 0.3 else "poor"
    chance = f'<span class="soft">{hit.relevance:.0%}</span>'
    return f'<span class="fit {colour}">{_said(told, _ZH[told])}</span> {chance}'


def _look(hit: Hit) -> str:
    picture = thumbnail(hit.path, hit.kind, hit.span, THUMBNAIL)
    if picture is not None:
        return _image(picture)
    if hit.text:
        return f"<q>{escape(words.short(hit.text, 160))}</q>"
    if not hit.path.exists():
        return _said("not there now", "文件已不在")
    return _said(hit.kind, {"audio": "声音", "text": "文本", "video": "视频"}.get(hit.kind, "图片"))


def _image(picture: Pil.Image) -> str:
    data = base64.b64encode(jpeg(picture)).decode()
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img alt="" {size} src="data:image/jpeg;base64,{data}">'


def _link(hit: Hit) -> str:
    """The file, at the moment that was found."""
    try:
        address = hit.path.absolute().as_uri()
    except (ValueError, UnicodeEncodeError):
        return "#"
    if hit.kind == "video" and hit.span:
        return f"{address}#t={hit.span.start:g},{hit.span.end:g}"
    return address


def _scores(scores: Scores) -> str:
    rows = "".join(
        f'<tr><td class="number">{chance:.1%}</td>'
        f'<td style="width:45%"><div class="bar" style="width:{chance:.2%}"></div></td>'
        f"<th>{escape(label)}</th></tr>"
        for label, chance in scores.scores.items()
    )
    told = _said("how well each fits, among these", "各项的相符程度（仅在这些之间比较）")
    return _head(escape(scores.item), told) + f"<table>{rows}</table>"


def _vectors(vectors: Vectors) -> str:
    rows, size = vectors.values.shape
    told = _said(f"{rows} vectors of {size} numbers, unit length", f"{rows} 个单位向量，{size} 维")
    shown = list(zip(vectors.ids, vectors.values, strict=True))[:50]
    lines = "".join(
        f'<tr><th>{escape(one)}</th><td class="soft">'
        f"{' '.join(f'{value:+.3f}' for value in row[:6])} …</td></tr>"
        for one, row in shown
    )
    return _head(_said("Vectors", "向量"), told) + f"<table>{lines}</table>"


def _boxes(boxes: Boxes) -> str:
    width, height = boxes.size
    marks = "".join(
        f'<div class="box" tabindex="0" title="{escape(box.label)}" style="'
        f"left:{box.xyxy[0] / width:.2%};top:{box.xyxy[1] / height:.2%};"
        f"width:{(box.xyxy[2] - box.xyxy[0]) / width:.2%};"
        f'height:{(box.xyxy[3] - box.xyxy[1]) / height:.2%}"></div>'
        for box in boxes.boxes
    )
    picture = _picture(boxes.item)
    drawn = f'<div class="drawn">{_image(picture)}{marks}</div>' if picture else ""
    lines = "".join(f"<li>{escape(box.label)}</li>" for box in boxes.boxes)
    told = _said(f"{len(boxes.boxes)} found", f"找到 {len(boxes.boxes)} 处")
    return _head(escape(boxes.item), told) + drawn + f'<ol class="lines">{lines}</ol>'


def _picture(item: str) -> Pil.Image | None:
    """The picture of a result, small enough for a page; None where it cannot be had again."""
    try:
        media = Media.of(item, Image, Video)
        assert isinstance(media, Image | Video)
        picture = Pil.fromarray(media.pixels(at_least=PICTURE))
    except SensoriumError:
        return None
    picture.thumbnail((PICTURE, PICTURE))
    return picture
