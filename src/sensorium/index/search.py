"""Searcher: asks a library. The order of hits is `ranking`'s, what is relevant `relevance`'s.

A hit's score is its cosine, whatever put it in its place: people can compare it from one search to
the next, which they cannot with a fusion of ranks.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

import numpy as np

from sensorium.errors import InputError
from sensorium.index.candidates import WORDS_ASKED, Candidate, Lookup
from sensorium.index.duplicates import duplicates
from sensorium.index.facts import Facts, stamp_of
from sensorium.index.filter import Filter
from sensorium.index.names import Names
from sensorium.index.query import Query, Term
from sensorium.index.ranking import SAME, Background, Group, Unrelated, fuse, nearest
from sensorium.index.relevance import LEAST, Relevance, relevance_of
from sensorium.index.sentences import SENTENCES
from sensorium.index.store import Store
from sensorium.index.vectors import Ids, Numbers, Space
from sensorium.media import Image, Kind, Span, Text, Video
from sensorium.results import Hit, Hits, Provenance, Reason
from sensorium.roles import DualTower, Floats

MOMENTS = 5  # further moments of a video that a hit names
_STANDS = 0.7  # of the best moment's standing; below it another scene is another thing


class Searcher:
    """Searches one library, and keeps between searches what they have in common. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._spaces: dict[int, Space] = {}
        self._facts: dict[int, Facts] = {}
        self._names = Names([])
        self._relevances: dict[Provenance, Relevance | None] = {}
        self._unrelated: dict[Provenance, Unrelated] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Wait for what is being written; before the store is closed."""
        for space in self._spaces.values():
            space.close()

    def renew(self) -> None:
        """Bring the snapshots of the vectors up to date where that pays: after adding."""
        for row in self._store.models():
            self._space(row.id, row.dimensions).renew()

    def search(
        self,
        model: DualTower,
        query: Query,
        *,
        k: int = 10,
        chosen: Filter = Filter(),
        min_score: float = -1.0,
    ) -> Hits:
        """The `k` best items for `query` among those that pass the filter `chosen`, in the library
        as `model` indexed it.

        min_score: cosine that a hit must have; above -1 it leaves out what has no vector too.
        """
        facts = self._facts_of(model.provenance)
        if facts is None:
            return Hits(query=query.words, hits=(), searched=0, provenance=model.provenance)
        lookup = Lookup(self._store.db, chosen, facts.space.model)
        relevance = self._relevance(model.provenance) if query.is_sentence else None
        if query.is_sentence:
            asked = partial(self._sentences, model, relevance)
            facts.space.divide_meanwhile(asked, facts.passages)
        if query.texts:
            self._names = self._names.renewed(self._store.db)
        vector = embed(model, query)
        unlike = self._unrelated_to(model).background(vector) if facts.passages else None
        search = _Search(
            facts, lookup, chosen, vector, self._names, relevance, unlike, query.is_sentence
        )
        return search.hits(query, k, min_score, model.provenance)

    def duplicates(self, model: Provenance, threshold: float = SAME) -> Iterator[tuple[Path, ...]]:
        """Groups of files that show the same, as `model` sees them; see `duplicates`."""
        facts = self._facts_of(model)
        return duplicates(self._store, facts.space if facts else None, threshold)

    def _relevance(self, model: Provenance) -> Relevance | None:
        if model not in self._relevances:
            self._relevances[model] = relevance_of(model)
        return self._relevances[model]

    def _sentences(self, model: DualTower, relevance: Relevance | None) -> Floats:
        """Such as people search by."""
        return relevance.bank if relevance else self._unrelated_to(model).sentences

    def _unrelated_to(self, model: DualTower) -> Unrelated:
        if model.provenance not in self._unrelated:
            self._unrelated[model.provenance] = Unrelated.of(model.embed_texts(SENTENCES))
        return self._unrelated[model.provenance]

    def _facts_of(self, model: Provenance) -> Facts | None:
        """None for a model that indexed nothing here."""
        rows = self._store.models()
        row = next((r for r in rows if (r.spec, r.revision) == (model.model, model.revision)), None)
        if row is None:
            return None
        stamp = stamp_of(self._store)
        held = self._facts.get(row.id)
        if held is None or held.stamp != stamp:
            held = Facts(self._store, self._space(row.id, row.dimensions), stamp)
            self._facts[row.id] = held
        return held

    def _space(self, model: int, dimensions: int) -> Space:
        with self._lock:
            if model not in self._spaces:
                self._spaces[model] = Space(self._store, model, dimensions)
            return self._spaces[model]


@dataclass(frozen=True)
class _Search:
    """One search. vector: the query in the model's space, by_sentence: whether it is one sentence.
    unlike_passages: what passages that are not meant have; None where there are none."""

    facts: Facts
    lookup: Lookup
    chosen: Filter
    vector: Floats
    names: Names
    relevance: Relevance | None
    unlike_passages: Background | None
    by_sentence: bool

    def hits(self, query: Query, k: int, min_score: float, model: Provenance) -> Hits:
        found = self._nearest(k)
        near = [one for one in found if one.best and one.best.score >= min_score]
        ranked = self._ranked(near, " ".join(query.texts))
        scored = list(islice(self._scored(ranked, min_score), k))
        shown = [one for one, _ in scored]
        relevances = self._relevances(shown)
        return Hits(
            query=query.words,
            hits=tuple(
                self._hit(one, score, relevances.get(one.content), model) for one, score in scored
            ),
            searched=self.counts.total(),
            verdict=self._verdict(near, shown),
            provenance=model,
        )

    def _ranked(self, near: list[Candidate], text: str) -> list[Candidate]:
        """Best first."""
        said = self.lookup.by_words(text)
        named = self.lookup.by_names(self.names.saying(text, WORDS_ASKED), text)
        return fuse(near, said, named) if said or named else near

    def _scored(
        self, ranked: Iterable[Candidate], least: float
    ) -> Iterator[tuple[Candidate, float | None]]:
        """With the cosine of the nearest moment, which what words alone found is yet to get."""
        for one in ranked:
            score = one.best.score if one.best else self._score(one.content)
            if least <= -1 or (score is not None and score >= least):
                yield one, score

    def _score(self, content: bytes) -> float | None:
        cosines = [float(value @ self.vector) for _, value in self.lookup.moments(content)]
        return max(cosines, default=None)

    def _nearest(self, k: int) -> list[Candidate]:
        """By vector. Mostly a search of everything finds `k` that are there and pass the filter;
        where it does not, what is there and passes is listed first."""
        where = self.facts.space, self._groups(), self.vector, self.lookup, k
        found = nearest(*where, tries=2 if self.chosen else 4)
        if found is None:
            allowed = self.lookup.allowed()
            found = nearest(self.facts.space, self._groups(allowed), self.vector, self.lookup, k)
        return found or []

    def _groups(self, allowed: Numbers | None = None) -> list[Group]:
        """Pictures and passages, all or as far as they are allowed."""
        texts, groups = self.facts.passages, list[Group]()
        pictures = None if allowed is None else np.setdiff1d(allowed, texts.ids)
        if pictures is None:
            groups.append(Group(None, texts or None, self.unlike, by_cells=self.by_sentence))
        elif len(pictures):
            groups.append(Group(Ids(pictures), None, self.unlike))
        passages = texts.ids if allowed is None else np.intersect1d(allowed, texts.ids)
        if self.unlike_passages and len(passages):
            only = texts if allowed is None else Ids(passages)
            groups.append(Group(only, None, self.unlike_passages))
        return groups

    @cached_property
    def counts(self) -> Counter[Kind]:
        """Items that were looked at, of each kind."""
        return self.lookup.counts() if self.chosen else self.facts.counts

    @cached_property
    def unlike(self) -> Background:
        """What pictures that are not meant have."""
        return Background.of(self._others)

    @cached_property
    def _others(self) -> Floats:
        """Cosines of a sample of the library's pictures."""
        cosines: Floats = self.facts.pictures_sample @ self.vector
        return cosines

    # what is relevant

    def _relevances(self, found: list[Candidate]) -> dict[bytes, float]:
        """Content → relevance, of pictures and videos; empty where nothing was fitted."""
        pairs = [(one, one.best) for one in found if one.best and one.kind != Kind.TEXT]
        items = self.counts[Kind.IMAGE] + self.counts[Kind.VIDEO]
        if self.relevance is None or not pairs or items < LEAST:
            return {}
        values = np.stack([best.value for _, best in pairs])
        scores = np.array([best.score for _, best in pairs], np.float32)
        relevances = self.relevance.of(values, scores, self._others, items)
        return {one.content: float(p) for (one, _), p in zip(pairs, relevances, strict=True)}

    def _verdict(self, near: list[Candidate], shown: list[Candidate]) -> str:
        """`found` where all asked words stand there or in a name; else what the relevance of the
        nearest picture says, `unsure` where it has none."""
        if not shown:
            return "nothing"
        if any(one.coverage == 1 for one in shown):
            return "found"
        best = next((one for one in near if one.kind != Kind.TEXT), None)
        judged = self._relevances([best] if best else [])
        if self.relevance is None or not judged:
            return "unsure"
        return self.relevance.verdict(max(judged.values()))

    # what is shown

    def _hit(
        self, found: Candidate, score: float | None, relevance: float | None, model: Provenance
    ) -> Hit:
        best = found.best
        line = found.lines[0] if found.lines else None
        span = best.when if best else None
        if line and (best is None or found.kind == Kind.VIDEO):
            span = line.when or span  # where asked words stand says more than how a scene looks
        text = ""
        if found.kind == Kind.TEXT:
            text = self.lookup.passage(best.vector) if best else line.text if line else ""
        return Hit(
            path=Path(found.paths[0]),
            kind=found.kind,
            score=score,
            span=span,
            relevance=relevance,
            text=text,
            why=tuple(_reasons(found, text, model)),
            duplicates=tuple(map(Path, (*found.paths[1:], *found.duplicates))),
            moments=self._moments(found, span) if found.kind == Kind.VIDEO else (),
        )

    def _moments(self, found: Candidate, shown: Span | None) -> tuple[Span, ...]:
        """Scenes of a video that stand out nearly as its best one does, best first, but for the one
        that is shown."""
        if found.best is None:
            return ()
        scenes = [
            (when, value) for when, value in self.lookup.moments(found.content) if when is not None
        ]
        scores = np.array([value @ self.vector for _, value in scenes], np.float32)
        standings = self.unlike.standing(scores)
        order = np.argsort(-standings, kind="stable")
        enough = _STANDS * found.best.standing
        return tuple(
            scenes[place][0]
            for place in order
            if scenes[place][0] != shown and standings[place] >= max(enough, 0)
        )[:MOMENTS]


def among(
    model: DualTower,
    query: Query,
    lines: Iterable[str],
    path: Path,
    *,
    k: int = 10,
    min_score: float = -1.0,
) -> Hits:
    """The `k` of given sentences that suit a query best, by cosine. path: their file.

    Blank lines are passed by, and one that stands there twice counts once.
    """
    texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not texts:
        raise InputError(f"{path} has no sentences", "every line of it is blank")
    scores = model.embed_texts(texts) @ embed(model, query)
    places = [place for place in np.argsort(-scores, kind="stable") if scores[place] >= min_score]
    why = Reason("text", model.provenance.model)
    return Hits(
        query=query.words,
        hits=tuple(
            Hit(path, Kind.TEXT, float(scores[place]), text=texts[place], why=(why,))
            for place in places[:k]
        ),
        searched=len(texts),
        provenance=model.provenance,
    )


def embed(model: DualTower, query: Query) -> Floats:
    """Where a query lies, (d,) of unit length: the sum of its terms by weight."""
    total = np.zeros(model.dimensions, np.float32)
    for term in query.terms:
        total += np.float32(term.weight) * _embed(model, term)
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        raise InputError(f"nothing is left of “{query}”", "its terms cancel each other")
    return total / np.float32(length)


def _embed(model: DualTower, term: Term) -> Floats:
    vectors: Floats
    match term.media:
        case Image() | Video() as picture:
            vectors = model.embed_images([picture.pixels(at_least=model.image_size)])
        case Text() as text:
            vectors = model.embed_texts([text.words])
        case media:
            raise InputError(f"{media.name} cannot be searched by", f"it is {media.kind}")
    vector: Floats = vectors[0]
    return vector


def _reasons(found: Candidate, text: str, model: Provenance) -> Iterator[Reason]:
    if found.best is not None:
        by = "text" if found.kind == Kind.TEXT else "picture"
        yield Reason(by, model.model, text)
    for line in found.lines[:3]:
        by = "words in the picture" if line.box is not None else "text"
        if line.text != text:
            yield Reason(by, "" if line.source == "text" else line.source, line.text, line.box)
    if found.named:
        yield Reason("name", text=Path(found.paths[0]).name)
