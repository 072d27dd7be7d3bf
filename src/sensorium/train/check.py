"""What is wrong with data, told before anything is trained on it."""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.flow import Failed, Flow, Progress
from sensorium.runtime.devices import threads
from sensorium.train.data import Pairs, read_pairs
from sensorium.train.likeness import greys, marks
from sensorium.train.pair import Bad, Pair

Kind = Literal["unusable", "unreadable", "duplicate", "leaked", "repeated", "small"]
KINDS: dict[Kind, str] = {
    "unusable": "rows without picture or caption",
    "unreadable": "pictures that cannot be decoded",
    "duplicate": "pictures that stand in the same split before",
    "leaked": "pictures that stand in another split too",
    "repeated": "rows that say the same twice",
    "small": "pictures with a side below 32 pixels",
}
_SMALL = 32
_BITS = 3  # of 64 that may differ between two pictures taken for one
_GREY = 8.0  # levels of 256 that they may differ in the mean
_BUCKET = 64  # rows that share a part of their hash and are compared: flat pictures share all


@dataclass(frozen=True)
class Finding:
    kind: Kind
    where: str
    why: str


@dataclass(frozen=True)
class Report:
    """captions: by language. splits: pairs in each, as a run would divide them.
    common: captions of held-out rows that are also said of another picture in `train`, which is
    no fault by itself but bounds what retrieval can reach. median: width, height in pixels."""

    pairs: int
    captions: dict[str, int]
    splits: dict[str, int]
    common: int
    median: tuple[int, int]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Looked:
    """bits: the 64 marks of `likeness`. small: its greys (8, 9)."""

    pair: Pair
    width: int
    height: int
    bits: int
    small: NDArray[np.float32]


@dataclass
class _Seen:
    """Pictures so far, by quarters of their hash: two that differ in at most 3 bits share one."""

    buckets: dict[tuple[int, int], list[_Looked]] = field(default_factory=dict)

    def twin(self, one: _Looked) -> Pair | None:
        """An earlier picture that looks the same; the picture itself is kept for later."""
        found = None
        for quarter in range(4):
            key = quarter, one.bits >> 16 * quarter & 0xFFFF
            bucket = self.buckets.setdefault(key, [])
            found = found or next((o.pair for o in bucket if _alike(o, one)), None)
            if len(bucket) < _BUCKET:
                bucket.append(one)
        return found


def _alike(one: _Looked, other: _Looked) -> bool:
    near = (one.bits ^ other.bits).bit_count() <= _BITS
    return near and float(np.abs(one.small - other.small).mean()) <= _GREY


def check(places: Sequence[str], val: Sequence[str] = ()) -> Generator[Progress, None, Report]:
    """Look at every pair. val: data that is held out, where it lies apart.

    Yields Progress and returns the Report. Raises as `data.read_pairs` does.
    """
    data = read_pairs(*places)
    held = read_pairs(*val) if val else None
    pairs = _divided(data) if held is None else [(pair, pair.split or "train") for pair in data]
    pairs += [(pair, "val") for pair in held or ()]
    bad = [*data.bad, *(held.bad if held else ())]
    findings = [Finding("unusable", one.where, one.why) for one in bad]
    findings += [f for pair, _ in pairs for f in _repeated(pair)]
    sizes, seen = [], _Seen()
    split_of = {pair.where: split for pair, split in pairs}
    for done, looked in enumerate(_looks([pair for pair, _ in pairs]), 1):
        yield Progress(done, len(pairs), "pairs")
        if isinstance(looked, Bad):
            findings.append(Finding("unreadable", looked.where, looked.why))
        elif looked is not None:
            sizes.append((looked.width, looked.height))
            findings += _of_picture(looked, seen, split_of)
    middle = np.median(sizes, axis=0) if sizes else (0, 0)
    return Report(
        pairs=len(pairs),
        captions=dict(
            Counter(lang for p, _ in pairs for lang in p.captions for _ in p.captions[lang])
        ),
        splits=dict(Counter(split for _, split in pairs)),
        common=_common(pairs),
        median=(int(middle[0]), int(middle[1])),
        findings=tuple(findings),
    )


def _divided(data: Pairs) -> list[tuple[Pair, str]]:
    """With the split that a run would give each."""
    held = {pair.where for pair in data.split()[1]}
    return [(pair, "val" if pair.where in held else pair.split or "train") for pair in data]


def _looks(pairs: Sequence[Pair]) -> Iterator[_Looked | Bad | None]:
    """None for a pair that has no picture at all, as texts by themselves have none."""
    flow = Flow(pairs).map(_look, threads=threads()).run()
    with closing(flow):  # type: ignore[type-var]
        for one in flow:
            yield Bad(one.item.where, str(one.error)) if isinstance(one, Failed) else one


def _look(pair: Pair) -> _Looked | None:
    if pair.image == b"":
        return None
    picture = pair.picture(64)
    small = greys(picture.pixels)
    bits = int.from_bytes(np.packbits(marks(small)).tobytes(), "big")
    return _Looked(pair, picture.width, picture.height, bits, small)


def _of_picture(looked: _Looked, seen: _Seen, split_of: dict[str, str]) -> Iterator[Finding]:
    where = looked.pair.where
    if min(looked.width, looked.height) < _SMALL:
        yield Finding("small", where, f"{looked.width} × {looked.height} pixels")
    twin = seen.twin(looked)
    if twin is not None:
        here, there = split_of[where], split_of[twin.where]
        kind: Kind = "duplicate" if here == there else "leaked"
        yield Finding(
            kind, where, f"it looks like {twin.where}" + ("" if here == there else f" ({there})")
        )


def _repeated(pair: Pair) -> Iterator[Finding]:
    twice = [text for text, count in Counter(map(str.casefold, pair.texts)).items() if count > 1]
    if twice:
        yield Finding("repeated", pair.where, f"“{twice[0]}”")


def _common(pairs: Sequence[tuple[Pair, str]]) -> int:
    train = {t.casefold() for p, split in pairs if split == "train" for t in p.texts}
    held = [t for p, split in pairs if split != "train" for t in p.texts]
    return sum(text.casefold() in train for text in held)


def samples(places: Sequence[str], count: int) -> list[tuple[Pair, NDArray[np.uint8]]]:
    """Pairs spread evenly over the data, those that can be read, with their pixels."""
    data = read_pairs(*places)
    chosen = [data[int(place)] for place in np.linspace(0, len(data) - 1, min(count, len(data)))]
    found = []
    for pair in chosen:
        try:
            found.append((pair, pair.picture(200).pixels))
        except (InputError, OSError):
            continue  # the check itself has named it
    return found
