"""Hits: what a search found, best first."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sensorium.media.span import Span
from sensorium.results.result import Result


@dataclass(frozen=True)
class Reason:
    """Why something was found.

    by: `picture` (it looks like what was asked), `text` (it says what was asked), `words in the
        picture` (they stand on it), `name` (the file's own name).
    text: the passage or the words that matched, empty for a picture.
    box: where the words stand, pixels (left, top, right, bottom) of the upright picture.
    """

    by: str
    model: str = ""
    text: str = ""
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Hit:
    """One item, at its best moment.

    path: the file; for a line of a list given with `--among`, that list.
    kind: image, video, audio or text.
    span: the moment of a video, or the cue of a subtitle; None for a whole item.
    score: cosine similarity, -1 to 1, of what was asked and its nearest moment or passage; None
        for what has no vector, such as a sound that was found by its name. Hits stand by how far
        they stand out among things of their kind and by how well asked words fit, which a score
        alone does not say.
    relevance: probability that it is what was asked for; None where nobody fitted one.
    text: what a text item says.
    duplicates: other files that show the same, folded into this hit.
    moments: further moments of the same video, best first.
    """

    path: Path
    kind: str
    score: float | None
    span: Span | None = None
    relevance: float | None = None
    text: str = ""
    why: tuple[Reason, ...] = ()
    duplicates: tuple[Path, ...] = ()
    moments: tuple[Span, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Hits(Result):
    """What a search found.

    query: as it was asked, in words.
    searched: how many items were looked at.
    verdict: `found`, `nothing` (the best is below what nearly every right hit has), or `unsure`:
        between the two, or where no relevance was fitted for this model or library.
    """

    query: str
    hits: tuple[Hit, ...]
    searched: int
    verdict: str = "unsure"

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __getitem__(self, place: int) -> Hit:
        return self.hits[place]
