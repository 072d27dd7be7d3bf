"""A timeline on a page: a stacked area over the grid, and what it stands on, piece by piece.

Emotions are told apart by colour, by hatching and by their names, so that no reader needs colours.
"""

from collections.abc import Iterator
from html import escape

from sensorium.results import Evidence, Row, Timeline
from sensorium.views import feelings, words

_WIDTH, _HEIGHT = 720, 150
_UNKNOWN = "unknown"


def body(timeline: Timeline) -> str:
    """The piece of a page that shows it, without its head."""
    chart = _chart(timeline) if sum(_leading(timeline).seen) > 1 else ""
    return (
        f'<div class="felt">{chart}'
        f'<ol class="felt-list">{"".join(_items(timeline))}</ol>'
        f'<footer class="soft">{_notes(timeline)}</footer></div>'
    )


def said(en: str, zh: str) -> str:
    return f'<span lang="en">{escape(en)}</span><span lang="zh">{escape(zh)}</span>'


def size(timeline: Timeline) -> str:
    count = len(timeline.evidence)
    zh = f"{count} 句"
    if timeline.grid.unit == "seconds":
        zh = f"{count} 条字幕，{timeline.grid.count} 秒"
    return said(feelings.size(timeline), zh)


def _leading(timeline: Timeline) -> Row:
    return timeline.rows.get("fused") or next(iter(timeline.rows.values()))


def _name(label: str) -> str:
    return said(label, feelings.zh(label))


def _chart(timeline: Timeline) -> str:
    """Each step a column as high as its probabilities; a column is cut from its neighbours by its
    own edge, and a step where nothing was seen stays empty."""
    bars = "".join(_columns(timeline))
    hatches = "".join(map(_hatch, timeline.labels))
    shown = feelings.strongest(timeline)
    legend = "".join(
        f'<li><svg width="18" height="12" aria-hidden="true">{_fill(label, 0, 0, 18, 12)}</svg>'
        f"{_name(label)}</li>"
        for label in timeline.labels
        if label in shown or _mean(timeline, label) >= 0.03
    )
    return (
        f'<figure class="felt-chart"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'preserveAspectRatio="none"><title>{escape(_told(timeline))}</title>'
        f"<defs>{hatches}</defs>{bars}</svg>"
        f'<div class="felt-axis soft">{_axis(timeline)}</div>'
        f'<ul class="felt-key">{legend}</ul></figure>'
    )


def _columns(timeline: Timeline) -> Iterator[str]:
    grid, row = timeline.grid, _leading(timeline)
    wide = _WIDTH / grid.count
    gap = min(2.0, wide / 8)
    for step in range(grid.count):
        top = 0.0
        chances = row.at(step)
        for label in timeline.labels:
            high = chances.get(label, 0.0) * _HEIGHT
            if high >= 0.5:
                yield _fill(label, step * wide + gap / 2, top, wide - gap, high)
            top += high


def _fill(label: str, x: float, y: float, width: float, height: float) -> str:
    place = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
    look = feelings.look(label)
    drawn = f'<rect {place} fill="{look.colour}"/>'
    if look.hatch is None:
        return drawn
    return f'{drawn}<rect {place} fill="url(#hatch-{escape(label)})"/>'


def _hatch(label: str) -> str:
    look = feelings.look(label)
    if look.hatch is None:
        return ""
    return (
        f'<pattern id="hatch-{escape(label)}" width="{look.gap}" height="{look.gap}" '
        f'patternUnits="userSpaceOnUse" patternTransform="rotate({look.hatch})">'
        f'<path d="M0 0H{look.gap}" stroke="#fff" stroke-opacity=".55" stroke-width="2"/></pattern>'
    )


def _axis(timeline: Timeline) -> str:
    grid = timeline.grid
    if grid.unit == "seconds":
        end = grid.bounds(grid.count - 1)[1]
        return f"<span>{words.clock(grid.start)}</span><span>{words.clock(end)}</span>"
    return f"<span>1</span><span>{said(f'sentence {grid.count}', f'第 {grid.count} 句')}</span>"


def _told(timeline: Timeline) -> str:
    """The chart in words, for who does not see it."""
    counts = dict.fromkeys((*timeline.labels, _UNKNOWN), 0)
    for one in timeline.evidence:
        counts[one.label] = counts.get(one.label, 0) + 1
    return ", ".join(f"{label}: {count}" for label, count in counts.items() if count)


def _mean(timeline: Timeline, label: str) -> float:
    row = _leading(timeline)
    seen = max(1, sum(row.seen))
    return float(sum(row.probabilities[label]) / seen)


def _items(timeline: Timeline) -> Iterator[str]:
    timed = timeline.grid.unit == "seconds"
    for place, one in enumerate(timeline.evidence, 1):
        where = words.clock(one.start) if timed else str(place)
        text = "".join(
            f"<mark>{escape(piece)}</mark>" if carried else escape(piece)
            for piece, carried in feelings.marked(one)
        )
        language = escape(one.language or "und")
        yield (
            f'<li><span class="felt-place soft">{where}</span><div>'
            f'<p class="felt-text"><q data-lang="{language}">{text}</q></p>{_bar(one)}'
            f'<p class="felt-said">{_reading(one)}</p></div></li>'
        )


def _bar(one: Evidence) -> str:
    """The probabilities of one piece of evidence, side by side."""
    x, parts = 0.0, []
    for label, chance in feelings.ranked(one):
        if chance >= 0.02:
            parts.append(_fill(label, x, 0, chance * 300, 10))
        x += chance * 300
    return (
        '<svg class="felt-bar" viewBox="0 0 300 10" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(parts)}</svg>'
    )


def _reading(one: Evidence) -> str:
    best = feelings.ranked(one)[:3]
    told = [
        f"{_name(label)} {chance:.0%}"
        for place, (label, chance) in enumerate(best)
        if chance >= 0.1 or place == 0
    ]
    first = f"<b>{told[0]}</b>" if told and one.label != _UNKNOWN else ""
    if one.label == _UNKNOWN:
        first = f"<b>{_name(_UNKNOWN)}</b>" + (f" · {told[0]}" if told else "")
    rest = "".join(f" · {words_}" for words_ in told[1:])
    return f'{first}<span class="soft">{rest}</span>{_valence(one)}'


def _valence(one: Evidence) -> str:
    if not one.sentiment:
        return ""
    at = (max(-1.0, min(1.0, one.valence)) + 1) * 50
    return (
        f'<span class="felt-valence soft">{said("valence", "情感倾向")} '
        f'<span class="felt-scale" aria-hidden="true">−<span><b style="left:{at:.0f}%"></b></span>+'
        "</span> "
        f"{one.valence:+.2f}</span>"
    )


def _notes(timeline: Timeline) -> str:
    first, *rest = timeline.notes or ("",)
    calm = said(f"{first[:1].upper()}{first[1:]}.", feelings.CALM_ZH) if first else ""
    marked = said("Underlined words carried a reading.", "下划线的词是判断的依据。")
    return " ".join([calm, marked, *map(escape, rest)])
