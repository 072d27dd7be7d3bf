"""Timeline: what was felt when, by which sign, and on what that rests."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from sensorium.errors import InputError
from sensorium.results.result import Result, write_whole

SECONDS, SENTENCES = "seconds", "sentences"
Emotion = Literal["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
EMOTIONS: tuple[str, ...] = get_args(Emotion)
"""Ours, in their order: Ekman's six (1992) and none of them."""
CALM = "a reading of signs by small models, not of minds; not for decisions about people"
"""What such a reading is; the first note of every one."""
UNKNOWN, LEAST = "unknown", 0.35
"""What is said where no label stands out, and the probability that one that does must have: of
seven, even chances have 0.14."""


def likeliest(chances: dict[str, float]) -> str:
    """Of label → probability the likeliest label, `unknown` where none stands out."""
    best = max(chances, key=lambda label: chances[label], default=UNKNOWN)
    return best if chances.get(best, 0.0) >= LEAST else UNKNOWN


@dataclass(frozen=True)
class Grid:
    """Steps of one length, step i from `start + i * every`.

    unit: `seconds`, or `sentences` for a text without times, whose steps are its sentences.
    """

    unit: str
    every: float
    count: int
    start: float = 0.0

    def bounds(self, step: int) -> tuple[float, float]:
        """Where a step begins and ends, in the grid's unit."""
        first = self.start + step * self.every
        return first, first + self.every

    def steps(self, start: float, end: float) -> range:
        """The steps that a stretch touches; a moment touches one."""
        first = int((start - self.start) // self.every)
        last = int(-((self.start - end) // self.every))
        return range(max(first, 0), min(max(last, first + 1), self.count))


@dataclass(frozen=True)
class Row:
    """One kind of sign along the grid.

    probabilities: label → a number a step; they sum to 1 over labels where `seen`, and are 0
    elsewhere. seen: a flag a step, whether this kind of sign was there at all.
    """

    probabilities: dict[str, tuple[float, ...]]
    seen: tuple[bool, ...]

    def at(self, step: int) -> dict[str, float]:
        """label → probability, empty where nothing was seen."""
        if not self.seen[step]:
            return {}
        return {label: values[step] for label, values in self.probabilities.items()}


@dataclass(frozen=True)
class Carrier:
    """Words that carried a reading: characters `start` to `end` of the evidence's text.
    weight: how much of the label's probability goes when they are left out, 0 to 1."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Evidence:
    """What a row stands on: a sentence or the cue of a subtitle, a stretch of speech, a face while
    it is seen.

    start, end: in the grid's unit. language: `en`, `zh`, or what else it seems to be written in.
    label: the likeliest emotion; `unknown` where no label stands out. emotion, sentiment: label →
    probability. valence: probability of positive less that of negative, -1 to 1. text, language
    and sentiment are empty for a voice or a face. signs: what was measured, by name with its unit
    (`pitch median, Hz`), without what could not be. at, box: of a face, the moment in seconds where
    it shows best, and left, top, right, bottom there in pixels of the upright frame.
    """

    row: str
    start: float
    end: float
    text: str
    language: str
    label: str
    emotion: dict[str, float]
    sentiment: dict[str, float]
    valence: float
    words: tuple[Carrier, ...] = ()
    signs: dict[str, float] = field(default_factory=dict)
    at: float | None = None
    box: tuple[float, float, float, float] | None = None

    @property
    def chance(self) -> float | None:
        """Of its label; None where it is `unknown`."""
        return {**self.sentiment, **self.emotion}.get(self.label)

    @property
    def carried(self) -> tuple[str, ...]:
        """The words themselves, the weightiest first."""
        ranked = sorted(self.words, key=lambda one: -one.weight)
        return tuple(self.text[one.start : one.end] for one in ranked)


@dataclass(frozen=True)
class Event:
    """A remark about a stretch. kind: `unknown` (nothing stands out), `language` (in none that the
    model learned), `disagreement` (two rows say different things)."""

    start: float
    end: float
    row: str
    kind: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Timeline(Result):
    """A reading of signs along a grid.

    item: what was read. labels: the order of emotions in every row. rows: by name, `fused` first,
    then `text`, `voice`, `face` …; notes: what a reader must know of this reading.
    """

    item: str
    grid: Grid
    labels: tuple[str, ...]
    rows: dict[str, Row]
    evidence: tuple[Evidence, ...] = ()
    events: tuple[Event, ...] = ()
    notes: tuple[str, ...] = ()

    def save(self, path: Path | str) -> None:
        """By suffix: `.csv` (see `csv`), `.srt` (see `srt`), else JSON. Whole or not at all."""
        path = Path(path)
        match path.suffix.lower():
            case ".csv":
                write_whole(path, self.csv().encode())
            case ".srt":
                write_whole(path, self.srt().encode())
            case _:
                super().save(path)

    def csv(self, named: bool = False) -> str:
        """A line a step and row: row, start, end, unit, label, a column of probability a label,
        valence, text. A step where the row saw nothing has its place and no numbers.

        label: the likeliest, `unknown` where none stands out. valence: the mean of what was said.
        named: a column `item` before them, for a table of several.
        """
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        item, head = ([_plain(self.item)], ["item"]) if named else ([], [])
        head += ["row", "start", "end", "unit", "label", *self.labels, "valence", "text"]
        table.writerow(head)
        said = self._said()
        for name, row in self.rows.items():
            for step in range(self.grid.count):
                words = said.get(step, []) if name == "fused" else said.get((name, step), [])
                table.writerow([*item, *self._line(name, row, step, words)])
        return out.getvalue()

    def _said(self) -> "dict[int | tuple[str, int], list[Evidence]]":
        """The evidence of each step, and of each row's steps."""
        found: dict[int | tuple[str, int], list[Evidence]] = {}
        for one in self.evidence:
            for step in self.grid.steps(one.start, one.end):
                found.setdefault(step, []).append(one)
                found.setdefault((one.row, step), []).append(one)
        return found

    def _line(self, name: str, row: Row, step: int, said: list[Evidence]) -> list[str]:
        start, end = self.grid.bounds(step)
        place = [name, f"{start:g}", f"{end:g}", self.grid.unit]
        chances = row.at(step)
        if not chances:
            return [*place, "", *("" for _ in self.labels), "", ""]
        felt = [one.valence for one in said if one.sentiment]
        valence = f"{sum(felt) / len(felt):.4f}" if felt else ""
        numbers = [f"{chances[label]:.4f}" for label in self.labels]
        text = " ".join(_plain(one.text) for one in said if one.text)
        return [*place, likeliest(chances), *numbers, valence, text]

    def srt(self) -> str:
        """A subtitle track: a cue for each piece of evidence with its emotion; of a voice or a face
        with its row.

        Raises InputError where the grid has no seconds.
        """
        if self.grid.unit != SECONDS:
            raise InputError(
                f"{self.item[:60]} gives no subtitle track",
                why="a plain text has sentences and no times",
                hint="--csv",
            )
        return "\n".join(self._cues())

    def _cues(self) -> Iterator[str]:
        for number, one in enumerate(self.evidence, 1):
            told = one.label if one.chance is None else f"{one.label} {one.chance:.0%}"
            cue = f"[{told}] {one.text}" if one.text else f"[{one.row}: {told}]"
            yield f"{number}\n{_clock(one.start)} --> {_clock(one.end)}\n{cue}\n"


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{thousandths:03}"


def _plain(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula."""
    return f"'{text}" if text[:1] in "=+-@\t" and text else text
