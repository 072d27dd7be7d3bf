"""The rows of a timeline under each other on one axis of time, with what they stand on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from sensorium.results import Event, Evidence, Timeline
from sensorium.results.timeline import LEAST, SECONDS, UNKNOWN
from sensorium.views import bands, feelings, words
from sensorium.views.heard import Heard
from sensorium.views.lanes import ZOOMS, Columns, Scale, levels
from sensorium.views.said import name, row, said
from sensorium.views.stage import Stage

_FACE, _MARK = 7.0, 1.6  # percent of the width that a face takes, and the mark of a remark
_NAME = 10.0  # … an emotion's name
_EVENTS = 200  # marks at most
_LOW, _HIGH = 80.0, 320.0  # Hz that a pitch lane shows at least


@dataclass(frozen=True)
class Tracks:
    """All that is drawn on one axis."""

    timeline: Timeline
    stage: Stage
    heard: Heard | None

    @property
    def scale(self) -> Scale:
        return Scale.of(self.timeline)

    def html(self) -> str:
        lanes = "".join(self._lanes())
        patterns = bands.hatches(self.timeline.labels)
        return (
            '<figure class="felt-tracks" data-zoom="1">'
            f'<svg class="felt-patterns" aria-hidden="true">{patterns}</svg>{_tools()}'
            f'<div class="felt-scroll" tabindex="-1"><div class="felt-plot">{self._ruler()}{lanes}'
            '<div class="felt-head" aria-hidden="true"></div></div></div>'
            f"{self._key()}</figure>{self._data()}"
        )

    def _lanes(self) -> Iterator[str]:
        yield self._band("fused" if "fused" in self.timeline.rows else "", "felt-fused")
        if self.timeline.events:
            marks = "".join(self._events())
            yield _lane(said("remarks", "提示"), "felt-events", marks)
        for called in feelings.kinds(self.timeline):
            if called == "fused":
                continue
            yield self._band(called, "felt-kind")
            yield from self._standing(called)

    def _standing(self, called: str) -> Iterator[str]:
        """What a row stands on, below it."""
        mine = [(at, one) for at, one in enumerate(self.timeline.evidence) if one.row == called]
        if any(one.text for _, one in mine):
            yield _lane("", "felt-words", "".join(self._cues(mine)))
        if any(one.box for _, one in mine) and self.stage.crops:
            yield _lane("", "felt-faces", "".join(self._faces(mine)))
        if called == "voice":
            yield from self._sound([one for _, one in mine])

    # lanes

    def _band(self, called: str, kind: str) -> str:
        timeline = self.timeline
        of = timeline.rows.get(called) or feelings.leading(timeline)
        columns = Columns.of(of, timeline.labels)
        drawn = bands.svg(bands.stacked(columns, timeline.labels), _told(timeline, columns, called))
        names = "".join(self._names(columns)) if kind == "felt-fused" else ""
        return _lane(row(called) if called else "", f"felt-band {kind}", drawn + names)

    def _names(self, columns: Columns) -> Iterator[str]:
        """The name of the likeliest emotion of each stretch, where there is room, every emotion's
        longest first: nobody needs colours to read it."""
        tops = columns.values.cumsum(axis=1)
        wide = 100 / max(1, len(columns.seen))
        spots = []
        for first, last, label in columns.stretches():
            column = first + int(columns.values[first:last, label].argmax())
            share = float(columns.values[column, label])
            if share >= LEAST:
                spots.append((last - first, (column + 0.5) * wide, column, label))
        spots.sort(key=lambda spot: -spot[0])
        ranks = [sum(one[3] == spot[3] for one in spots[:at]) for at, spot in enumerate(spots)]
        spots = [spot for _, spot in sorted(zip(ranks, spots, strict=True), key=lambda one: one[0])]
        room = levels([x for _, x, _, _ in spots], _NAME)
        for (_, x, column, label), level in zip(spots, room, strict=True):
            y = (tops[column, label] - columns.values[column, label] / 2) * 100
            side = "left" if x < 6 else "right" if x > 94 else "middle"
            place = f"left:{min(max(x, 0.5), 99.5):.2f}%;top:{y:.1f}%"
            called = name(self.timeline.labels[label])
            yield f'<i class="felt-name {side} zoom-{level}" style="{place}">{called}</i>'

    def _events(self) -> Iterator[str]:
        joined = _joined(self.timeline.events)[:_EVENTS]
        places = [self.scale.place(one.start) for one in joined]
        for one, left, level in zip(joined, places, levels(places, _MARK), strict=True):
            mark, en, zh = feelings.event(one.kind)
            width = self.scale.place(one.end) - left
            if one.note:
                en, zh = f"{en}: {one.note}", f"{zh}：{feelings.remark_zh(one.note)}"
            told = f"{self._clock(one.start)} {en} · {feelings.row_zh(one.row)}{zh}"
            yield (
                f'<button type="button" class="felt-mark {escape(_slug(one.kind))}" '
                f'data-at="{one.start:.3f}" title="{escape(told)}" '
                f'style="left:{left:.3f}%;width:{width:.3f}%">'
                f'<b class="zoom-{level}">{mark}</b></button>'
            )

    def _cues(self, mine: list[tuple[int, Evidence]]) -> Iterator[str]:
        """Words where they are said; each has the room until the next."""
        ordered = sorted((one for _, one in mine if one.text), key=lambda one: one.start)
        ends = [*(one.start for one in ordered[1:]), self.scale.end]
        for one, end in zip(ordered, ends, strict=True):
            left = self.scale.place(one.start)
            width = self.scale.place(end) - left
            told = f"{self._clock(one.start)} {one.text}"
            yield (
                f'<button type="button" class="felt-cue" data-at="{one.start:.3f}" '
                f'title="{escape(told)}" style="left:{left:.3f}%;width:{width:.3f}%;'
                f'--felt:{feelings.look(one.label).colour}">{escape(one.text)}</button>'
            )

    def _faces(self, mine: list[tuple[int, Evidence]]) -> Iterator[str]:
        cut = [(one, self.stage.crops[at]) for at, one in mine if at in self.stage.crops]
        edge = _FACE / 2
        moments = [feelings.moment(one) for one, _ in cut]
        places = [min(max(self.scale.place(moment), edge), 100 - edge) for moment in moments]
        shown = zip(cut, moments, places, levels(places, _FACE), strict=True)
        for (one, crop), moment, place, level in shown:
            told = f"{self._clock(moment)} {one.row}: {one.label} · {feelings.zh(one.label)}"
            yield (
                f'<button type="button" class="felt-crop zoom-{level}" '
                f'data-at="{moment:.3f}" title="{escape(told)}" '
                f'style="left:{place:.3f}%;--felt:{feelings.look(one.label).colour}">'
                f'<img alt="{escape(told)}" width="40" height="40" src="{crop}"></button>'
            )

    def _sound(self, mine: list[Evidence]) -> Iterator[str]:
        """The pitch of who speaks, with each stretch's median, and the wave."""
        hertz = np.zeros(0) if self.heard is None else self.heard.hertz
        medians = [(one, value) for one in mine if (value := _pitch(one)) is not None]
        known = [*hertz[~np.isnan(hertz)], *(value for _, value in medians)]
        if known:
            octaves = np.log2(known)
            low = 2 ** min(float(np.percentile(octaves, 2)) - 0.2, np.log2(_LOW * 1.5))
            high = 2 ** max(float(np.percentile(octaves, 98)) + 0.2, np.log2(_HIGH * 0.75))
            drawn = "".join(self._pitch_lane(hertz, medians, (low, high)))
            yield _lane(said("pitch", "音高"), "felt-pitch", drawn)
        if self.heard is not None:
            wave = bands.svg(bands.envelope(self.heard.peaks))
            loud = "".join(self._loud(mine))
            yield _lane(said("loudness", "响度"), "felt-sound", wave + loud)

    def _pitch_lane(
        self,
        hertz: np.ndarray[tuple[int], np.dtype[np.float64]],
        medians: list[tuple[Evidence, float]],
        bounds: tuple[float, float],
    ) -> Iterator[str]:
        low, high = np.log2(bounds)

        def height(value: float) -> float:
            return float(min(max((high - np.log2(value)) / (high - low), 0.02), 0.98)) * 100

        points = [
            None if np.isnan(value) else ((at + 0.5) / len(hertz) * 1000, height(value))
            for at, value in enumerate(hertz)
        ]
        yield bands.svg(bands.line(points))
        for mark in (75, 150, 300, 600):
            if bounds[0] <= mark <= bounds[1]:
                yield f'<i class="felt-grid" style="top:{height(mark):.1f}%"><b>{mark} Hz</b></i>'
        for one, value in medians:
            left = self.scale.place(one.start)
            place = f"left:{left:.3f}%;width:{self.scale.place(one.end) - left:.3f}%"
            yield f'<i class="felt-median" style="{place};top:{height(value):.1f}%"></i>'

    def _loud(self, mine: list[Evidence]) -> Iterator[str]:
        """A number under each stretch of speech, where there is room."""
        for one in mine:
            for called, value in one.signs.items():
                if called.startswith("loudness"):
                    left = self.scale.place(one.start)
                    place = f"left:{left:.3f}%;width:{self.scale.place(one.end) - left:.3f}%"
                    en, level, zh, level_zh = feelings.sign(called, value)
                    told = escape(f"{en} {level} · {zh} {level_zh}")
                    number = f"{value:.0f}".replace("-", "−")
                    yield f'<i class="felt-loud" style="{place}" title="{told}"><b>{number}</b></i>'

    # around them

    def _ruler(self) -> str:
        scale, seen = self.scale, set[float]()
        ticks = ""
        for level, zoom in enumerate(ZOOMS):
            marks = scale.marks(10 * zoom)
            fine = any(at != int(at) for at in marks)
            for at in marks:
                if at not in seen:
                    told = f"{at:g} s" if fine else self._clock(at)
                    place = f"left:{scale.place(at):.3f}%"
                    ticks += f'<i class="zoom-{level}" style="{place}">{told}</i>'
            seen |= set(marks)
        slide = (
            f'<input type="range" class="felt-slide" min="{scale.start:g}" max="{scale.end:g}" '
            f'step="{min(0.1, self.timeline.grid.every):g}" value="{scale.start:g}" '
            'aria-label="time · 时间">'
        )
        return _lane("", "felt-ruler", ticks + slide)

    def _clock(self, at: float) -> str:
        if self.timeline.grid.unit != SECONDS:
            return f"{at + 1:.0f}"
        return words.clock(at) if at == int(at) or self.scale.length > 20 else f"{at:.1f} s"

    def _key(self) -> str:
        items = "".join(
            f'<li>{bands.swatch(label)}{name(label)} <span class="soft">{share:.0%}</span></li>'
            for label, share in feelings.shares(self.timeline).items()
            if share >= 0.005
        )
        return f'<ul class="felt-key">{items}</ul>'

    def _data(self) -> str:
        """What the script tells of a moment; `<` cannot end the element it stands in."""
        timeline, scale = self.timeline, self.scale
        told = {
            "start": scale.start,
            "end": scale.end,
            "begin": self.stage.begin,
            "seconds": timeline.grid.unit == SECONDS,
            "unknown": [UNKNOWN, feelings.zh(UNKNOWN)],
            "labels": [[label, feelings.zh(label)] for label in timeline.labels],
            "rows": {called: _percents(timeline, called) for called in timeline.rows},
        }
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028")
        return f'<script type="application/json" class="felt-data">{safe}</script>'


def _percents(timeline: Timeline, called: str) -> dict[str, object]:
    """wide: the length of a column; values: percent a label, or 0 where nothing was seen; unknown:
    the columns where no label stands out, which rounded numbers would not tell."""
    columns = Columns.of(timeline.rows[called], timeline.labels)
    tops = columns.values.max(axis=1, initial=0.0)
    rounded = np.rint(columns.values * 100).astype(int).tolist()
    seen = columns.seen.tolist()
    values = [some if there else 0 for some, there in zip(rounded, seen, strict=True)]
    unknown = np.flatnonzero(columns.seen & (tops < LEAST)).tolist()
    return {"wide": columns.size * timeline.grid.every, "values": values, "unknown": unknown}


def _lane(called: str, kind: str, cell: str) -> str:
    return (
        f'<div class="felt-lane {kind}"><div class="felt-row">{called}</div>'
        f'<div class="felt-cell">{cell}</div></div>'
    )


def _tools() -> str:
    buttons = "".join(
        f'<button type="button" data-zoom="{zoom}" aria-pressed="{str(zoom == 1).lower()}">'
        f"{zoom}×</button>"
        for zoom in ZOOMS
    )
    return f'<div class="felt-tools" role="group" aria-label="zoom · 缩放">{buttons}</div>'


def _told(timeline: Timeline, columns: Columns, called: str) -> str:
    """A band in words, for who does not see it."""
    best = columns.best()
    shares = {
        label: best.count(at) / max(1, len(best) - best.count(-1))
        for at, label in enumerate(timeline.labels)
    }
    told = ", ".join(f"{label} {share:.0%}" for label, share in shares.items() if share)
    zh = "，".join(f"{feelings.zh(label)} {share:.0%}" for label, share in shares.items() if share)
    named = called or "fused"
    return (
        f"{named}: {told or 'nothing was seen'} · {feelings.row_zh(named)}：{zh or '什么也没看到'}"
    )


def _joined(events: tuple[Event, ...]) -> list[Event]:
    """Remarks of one kind and row that touch are one, with all that they say."""
    found: list[Event] = []
    for one in sorted(events, key=lambda one: (one.kind, one.row, one.start)):
        last = found[-1] if found else None
        same = last and (last.kind, last.row) == (one.kind, one.row)
        if last and same and one.start <= last.end + 1e-6:
            notes = dict.fromkeys(filter(None, [*last.note.split("; "), one.note]))
            end, note = max(last.end, one.end), "; ".join(notes)
            found[-1] = Event(last.start, end, last.row, last.kind, note)
        else:
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def _pitch(one: Evidence) -> float | None:
    for called, value in one.signs.items():
        if called.startswith("pitch") and called.endswith("Hz") and value > 0:
            return value
    return None


def _slug(kind: str) -> str:
    return kind if kind.isidentifier() else "other"
