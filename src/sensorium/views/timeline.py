"""A timeline on a page: the item, its rows over time, and what they stand on, piece by piece.

Emotions are told apart by colour, by hatching and by their names, so that no reader needs colours.
A text without times has a chart of its sentences instead of rows over time.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from sensorium.media import Audio, Video
from sensorium.results import Evidence, Timeline
from sensorium.results.notes import in_chinese
from sensorium.results.timeline import SECONDS, UNKNOWN
from sensorium.views import bands, feelings, words
from sensorium.views.heard import Heard, heard
from sensorium.views.lanes import Columns, Scale
from sensorium.views.said import name, row, said
from sensorium.views.stage import Stage, stage
from sensorium.views.tracks import Tracks

_LISTED = 500  # pieces of evidence at most
_NOTHING = Stage()


def look(timeline: Timeline, folder: Path | None) -> Stage:
    """What the page shows of the item; see `stage`."""
    return stage(timeline, folder)


def body(timeline: Timeline, shown: Stage = _NOTHING) -> str:
    """The piece of a page that shows it, without its head."""
    timed = timeline.grid.unit == SECONDS and timeline.grid.count > 1
    chart = _over_time(timeline, shown) if timed else _still(timeline, shown)
    kind = "felt felt-timed" if timed else "felt"
    listed = timeline.evidence[:_LISTED]
    more = len(timeline.evidence) - len(listed)
    rest = f'<p class="soft">{said(f"and {more} more", f"另有 {more} 条")}</p>' if more else ""
    items = "".join(_items(timeline, shown))
    return (
        f'<div class="{kind}">{chart}<ol class="felt-list">{items}</ol>{rest}'
        f'<footer class="soft">{_notes(timeline)}</footer></div>'
    )


def size(timeline: Timeline) -> str:
    return said(feelings.size(timeline), feelings.size_zh(timeline))


# the whole


def _over_time(timeline: Timeline, shown: Stage) -> str:
    sound = None
    if isinstance(shown.media, Audio | Video):
        speech = [(one.start, one.end) for one in timeline.evidence if one.row == "voice"]
        sound = heard(shown.media, Scale.of(timeline), speech)
    tracks = Tracks(timeline, shown, sound).html()
    wave = _wave(sound) if sound and isinstance(shown.media, Audio) else ""
    item = f'<div class="felt-stage">{shown.html}{wave}</div>' if shown.html else ""
    return f'<div class="felt-top">{item}{_now(timeline)}</div>{tracks}'


def _wave(sound: Heard) -> str:
    """A sound is seen as its wave, with a playhead of its own."""
    drawn = bands.svg(bands.envelope(sound.peaks))
    head = '<div class="felt-head" aria-hidden="true"></div>'
    return f'<div class="felt-lane felt-wide"><div class="felt-cell">{drawn}{head}</div></div>'


def _now(timeline: Timeline) -> str:
    """What is read at the playhead; the script fills it in."""
    bars = "".join(
        f'<li data-label="{at}">{name(label)}<span class="felt-meter">'
        f"{bands.swatch(label, 200, 10)}</span><b>–</b></li>"
        for at, label in enumerate(timeline.labels)
    )
    rows = "".join(
        f'<div data-row="{escape(called)}"><dt>{row(called)}</dt><dd>–</dd></div>'
        for called in timeline.rows
    )
    return (
        f'<aside class="felt-now" hidden><p class="felt-clock"><b>0:00</b>'
        f'<span class="felt-quote"></span></p><ul class="felt-meters">{bars}</ul>'
        f'<dl class="felt-kinds">{rows}</dl></aside>'
    )


def _still(timeline: Timeline, shown: Stage) -> str:
    """A picture with its faces, or the sentences of a text side by side."""
    picture = f'<div class="felt-stage">{shown.html}</div>' if shown.html else ""
    hatches = bands.hatches(feelings.drawn(timeline))
    patterns = f'<svg class="felt-patterns" aria-hidden="true">{hatches}</svg>'
    if sum(feelings.leading(timeline).seen) < 2:
        return patterns + picture + (_whole(timeline) if picture else "")
    shares = feelings.shares(timeline)
    key = "".join(
        f"<li>{bands.swatch(label)}{name(label)}</li>"
        for label in timeline.labels
        if label in feelings.strongest(timeline) or shares[label] >= 0.03
    )
    columns = Columns.of(feelings.leading(timeline), timeline.labels)
    last = said(f"sentence {timeline.grid.count}", f"第 {timeline.grid.count} 句")
    return (
        f'{patterns}{picture}<figure class="felt-chart">'
        f"{bands.svg(''.join(_steps(columns, timeline)), _told(timeline))}"
        f'<div class="felt-axis soft"><span>1</span>{last}</div>'
        f'<ul class="felt-key">{key}</ul></figure>'
    )


def _whole(timeline: Timeline) -> str:
    """All rows of one moment together."""
    chances = feelings.leading(timeline).at(0)
    best = sorted(chances.items(), key=lambda pair: -pair[1])
    told = " · ".join(f"{name(label)} {chance:.0%}" for label, chance in best[:3])
    label = said("all together", "综合")
    return f'<p class="felt-whole"><b>{label}</b> {told}</p>{_bar(best)}' if best else ""


def _steps(columns: Columns, timeline: Timeline) -> Iterator[str]:
    """Each step a column as high as its probabilities, cut from its neighbours by its own edge."""
    wide = bands.WIDTH / len(columns.seen)
    gap = min(3.0, wide / 8)
    for step, values in enumerate(columns.values):
        top = 0.0
        for label, share in zip(timeline.labels, values, strict=True):
            if share >= 0.005:
                place = f'x="{step * wide + gap / 2:.2f}" y="{top * 100:.2f}" '
                shape = f'width="{wide - gap:.2f}" height="{share * 100:.2f}"'
                yield bands.filled(label, place + shape)
            top += share


def _told(timeline: Timeline) -> str:
    """The chart in words, for who does not see it."""
    counts = dict.fromkeys((*timeline.labels, UNKNOWN), 0)
    for one in timeline.evidence:
        counts[one.label] = counts.get(one.label, 0) + 1
    return ", ".join(f"{label}: {count}" for label, count in counts.items() if count)


# piece by piece


def _items(timeline: Timeline, shown: Stage) -> Iterator[str]:
    timed = timeline.grid.unit == SECONDS
    several = len(feelings.kinds(timeline)) > 1 or any(not one.text for one in timeline.evidence)
    listed = list(enumerate(timeline.evidence[:_LISTED], 1))
    for place, one in sorted(listed, key=lambda pair: feelings.moment(pair[1])):
        at = feelings.moment(one)
        where = words.clock(at) if timed and timeline.grid.count > 1 else str(place)
        if timed and timeline.grid.count > 1:
            where = f'<button type="button" data-at="{at:.3f}">{where}</button>'
        kind = f'<p class="felt-of soft">{row(one.row)}</p>' if several else ""
        crop = shown.crops.get(place - 1)
        face = f'<img class="felt-face" alt="" width="64" height="64" src="{crop}">' if crop else ""
        yield (
            f'<li data-from="{one.start:.3f}" data-to="{one.end:.3f}">'
            f'<div class="felt-place soft">{where}{kind}</div><div class="felt-piece">{face}<div>'
            f"{_quote(one)}{_bar(feelings.ranked(one))}"
            f'<p class="felt-said">{_reading(one)}</p>{_signs(one)}</div></div></li>'
        )


def _quote(one: Evidence) -> str:
    if not one.text:
        return ""
    text = "".join(
        f"<mark>{escape(piece)}</mark>" if carried else escape(piece)
        for piece, carried in feelings.marked(one)
    )
    language = escape(one.language or "und")
    return f'<p class="felt-text"><q data-lang="{language}">{text}</q></p>'


def _bar(ranked: list[tuple[str, float]]) -> str:
    """Probabilities side by side."""
    x, parts = 0.0, []
    for label, chance in ranked:
        if chance >= 0.02:
            place = f'x="{x:.1f}" width="{chance * 300:.1f}" height="10"'
            parts.append(bands.filled(label, place))
        x += chance * 300
    return (
        '<svg class="felt-bar" viewBox="0 0 300 10" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(parts)}</svg>'
    )


def _reading(one: Evidence) -> str:
    best = feelings.ranked(one)[:3]
    told = [
        f"{name(label)} {chance:.0%}"
        for place, (label, chance) in enumerate(best)
        if chance >= 0.1 or place == 0
    ]
    first = f"<b>{told[0]}</b>" if told and one.label != UNKNOWN else ""
    if one.label == UNKNOWN:
        first = f"<b>{name(UNKNOWN)}</b>" + (f" · {told[0]}" if told else "")
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


def _signs(one: Evidence) -> str:
    """What was measured, each with its unit."""
    told = []
    for called, value in one.signs.items():
        en, number, zh, number_zh = feelings.sign(called, value)
        told.append(f"<li>{said(en, zh)} <b>{said(number, number_zh)}</b></li>")
    return f'<ul class="felt-signs">{"".join(told)}</ul>' if told else ""


def _notes(timeline: Timeline) -> str:
    first, rest = feelings.calm(timeline)
    calm = said(f"{first[:1].upper()}{first[1:]}.", feelings.CALM_ZH)
    marked = ""
    if any(one.words for one in timeline.evidence):
        marked = f" {said('Underlined words carried a reading.', '下划线的词是判断的依据。')}"
    return f"<p>{calm}{marked}</p>" + "".join(
        f"<p>{said(_ended(note[:1].upper() + note[1:], '.'), _ended(in_chinese(note), '。'))}</p>"
        for note in rest
    )


def _ended(words: str, stop: str) -> str:
    return words.rstrip(".。") + stop
