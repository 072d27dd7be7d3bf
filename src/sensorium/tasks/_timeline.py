"""From signs to a Timeline: rows along one grid, fused, with what is worth a remark."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from sensorium.media import Media
from sensorium.models._labels import foreign_labels
from sensorium.results import Event, Evidence, Grid, Provenance, Row, Timeline, notes
from sensorium.results.timeline import CALM, EMOTIONS, LEAST, SECONDS, UNKNOWN, likeliest
from sensorium.signal.fusion import Fusion, Track, apart, fuse, mean_track
from sensorium.tasks._asked import sentence
from sensorium.tasks._felt import chances, together, vector
from sensorium.tasks._fitted import fusion_of
from sensorium.tasks._text_signs import unlearned

FUSED = "fused"
_MOMENT = 0.05  # of a step: what a shorter stretch counts as
_SLIVER = 0.15  # of a step: what only just reaches into it
_SURE, _APART = 0.5, 0.4  # of both rows' likeliest label, and bits between them: a disagreement


@dataclass
class Reading:
    """What was found. tracks: a row of the timeline each, by name, in order. models: that spoke.
    classifiers: by the kind of sign, their revisions."""

    grid: Grid
    evidence: list[Evidence] = field(default_factory=list)
    tracks: dict[str, Track] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    models: list[Provenance] = field(default_factory=list)
    classifiers: dict[str, str] = field(default_factory=dict)

    def spoke(self, kind: str, classifier: Provenance, *others: Provenance) -> None:
        """Say which models read a kind of sign."""
        self.models += [classifier, *others]
        self.classifiers[kind] = classifier.revision

    def add(self, row: str, evidence: Sequence[Evidence]) -> None:
        """A row that its evidence fills."""
        self.evidence += evidence
        pieces = [(one.start, one.end, vector(one.emotion)) for one in evidence if one.emotion]
        if pieces:
            self.tracks[row] = track_of(self.grid, pieces)

    def add_text(self, evidence: Sequence[Evidence], model: Provenance) -> None:
        """The row of words; a remark where they are in a language that was not learned."""
        self.spoke("text", model)
        self.add("text", evidence)
        if foreign := unlearned(evidence):
            self.events += foreign
            self.notes.append(notes.UNLEARNED())
        if extra := {label for one in evidence for label in one.emotion} - set(EMOTIONS):
            self.notes.append(notes.IN_NO_ROW(labels=", ".join(sorted(extra))))

    def leave_out(self, sign: str, labels: Sequence[str]) -> None:
        """A remark on what a classifier tells that is in no row."""
        if extra := foreign_labels(labels):
            self.notes.append(notes.LEFT_OUT(sign=sign, labels=sentence(extra)))

    def made(self, item: Media) -> Timeline:
        """The timeline of all that was added."""
        tracks = self._with_fused(fusion_of(self.classifiers))
        events = [*self.events, *_disagreements(self.grid, self.tracks)]
        if FUSED in tracks:
            foreign = [one for one in self.events if one.kind == "language" and one.row == "text"]
            events += _unknown(self.grid, tracks[FUSED], foreign)
        return Timeline(
            item=item.title,
            grid=self.grid,
            labels=EMOTIONS if tracks else (),
            rows={name: row_of(one) for name, one in tracks.items()} or self._empty(),
            evidence=tuple(sorted(self.evidence, key=lambda one: (one.start, one.end))),
            events=tuple(sorted(events, key=lambda one: (one.start, one.row, one.kind))),
            notes=(CALM, *dict.fromkeys(self.notes)),
            provenance=together(self.models),
        )

    def _with_fused(self, fusion: Fusion) -> dict[str, Track]:
        kinds = by_kind(self.tracks)
        if not kinds:
            nothing = np.zeros((self.grid.count, len(EMOTIONS)))
            return {} if self.evidence else {FUSED: Track(nothing, np.zeros(self.grid.count, bool))}
        moves = self.grid.unit == SECONDS and self.grid.count > 1
        if len(kinds) == 1 and not moves:
            return {FUSED: next(iter(kinds.values())), **self.tracks}
        every = self.grid.every if moves else 0.0
        return {FUSED: fuse(kinds, fusion, every), **self.tracks}

    def _empty(self) -> dict[str, Row]:
        """Rows of evidence without emotions: of a model that tells sentiment alone."""
        seen = [False] * self.grid.count
        for one in self.evidence:
            for step in self.grid.steps(one.start, one.end):
                seen[step] = True
        names = [FUSED, *dict.fromkeys(one.row for one in self.evidence)]
        return {name: Row({}, tuple(seen)) for name in names}


def by_kind(tracks: dict[str, Track]) -> dict[str, Track]:
    """`text`, `voice`, `face`: of all faces at a moment their mean."""
    kinds: dict[str, list[Track]] = {}
    for name, one in tracks.items():
        kinds.setdefault(name.partition("-")[0], []).append(one)
    return {name: some[0] if len(some) == 1 else mean_track(some) for name, some in kinds.items()}


def track_of(grid: Grid, pieces: Iterable[tuple[float, float, Sequence[float] | object]]) -> Track:
    """Of stretches, each with its numbers, the mean in every step, by how much of it they fill."""
    total = np.zeros((grid.count, len(EMOTIONS)))
    weights = np.zeros(grid.count)
    for start, end, numbers in pieces:
        for step in grid.steps(start, end):
            first, last = grid.bounds(step)
            shared = min(last, end) - max(first, start)
            if shared < _SLIVER * grid.every and shared < (end - start) / 2:
                continue  # it only just reaches into this step
            share = max(shared, _MOMENT * grid.every)
            total[step] += share * np.asarray(numbers, np.float64)
            weights[step] += share
    return Track(total / np.maximum(weights, 1e-9)[:, None], weights > 0)


def row_of(track: Track) -> Row:
    numbers = np.round(track.chances * track.seen[:, None], 6)
    columns = {label: tuple(numbers[:, at].tolist()) for at, label in enumerate(EMOTIONS)}
    return Row(columns, tuple(track.seen.tolist()))


def _unknown(grid: Grid, track: Track, said: Sequence[Event]) -> Iterator[Event]:
    """Where something was seen and nothing stands out. said: remarks that tell why."""
    known = {step for one in said for step in grid.steps(one.start, one.end)}
    steps = [
        (step, UNKNOWN)
        for step in np.flatnonzero(track.seen).tolist()
        if track.chances[step].max() < LEAST and step not in known
    ]
    for start, end, _ in _runs(steps):
        yield Event(grid.bounds(start)[0], grid.bounds(end)[1], FUSED, "unknown")


def _disagreements(grid: Grid, tracks: dict[str, Track]) -> Iterator[Event]:
    """Where two kinds of sign are sure of different feelings; being neutral contradicts nothing."""
    for (name, one), (other_name, other) in combinations(tracks.items(), 2):
        if name.partition("-")[0] == other_name.partition("-")[0]:
            continue
        steps = []
        for step in np.flatnonzero(one.seen & other.seen).tolist():
            both = one.chances[step], other.chances[step]
            labels = [likeliest(chances(numbers)) for numbers in both]
            sure = all(numbers.max() >= _SURE for numbers in both)
            felt = labels[0] != labels[1] and "neutral" not in labels
            if sure and felt and apart(*both) >= _APART:
                steps.append((step, f"{name} {labels[0]}, {other_name} {labels[1]}"))
        for start, end, note in _runs(steps):
            place = grid.bounds(start)[0], grid.bounds(end)[1]
            yield Event(*place, other_name, "disagreement", note)


def _runs(steps: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """Steps that follow each other with the same note: first, last, note."""
    first = 0
    for at in range(1, len(steps) + 1):
        goes_on = (
            at < len(steps)
            and steps[at][0] == steps[at - 1][0] + 1
            and steps[at][1] == steps[at - 1][1]
        )
        if not goes_on and steps:
            yield steps[first][0], steps[at - 1][0], steps[first][1]
            first = at
