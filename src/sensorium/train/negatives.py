"""Hard negatives: for each picture the captions that a dual tower takes for its own and are not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import SensoriumError
from sensorium.models import open as open_model
from sensorium.roles import DualTower, Floats
from sensorium.train.pair import Pair
from sensorium.train.processes import Processes

FILE = "negatives.npy"
_AT_ONCE = 32
_ROWS = 1024  # of the similarity matrix, at a time


def run_negatives(
    out: Path, spec: str, pairs: Sequence[Pair], keep: int, processes: Processes
) -> NDArray[np.int64]:
    """int64 (pairs, keep): places of the nearest other captions, nearest first.

    spec: the dual tower. Found once, by the first process, and kept in the run's folder.
    """
    path = out / FILE
    if processes.first and not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        np.save(path, hard_negatives(open_model(spec, DualTower), pairs, keep))
    processes.wait()
    found: NDArray[np.int64] = np.load(path)
    return found


def hard_negatives(tower: DualTower, pairs: Sequence[Pair], keep: int) -> NDArray[np.int64]:
    """See `run_negatives`. A caption that is also one of the picture's own is no negative; a
    picture that cannot be read gets captions near to its own ones."""
    texts = np.concatenate(
        [tower.embed_texts([p.texts[0] for p in part]) for part in _parts(pairs)]
    )
    images = np.concatenate([_embedded(tower, part) for part in _parts(pairs)])
    images = np.where(np.abs(images).sum(1, keepdims=True) > 0, images, texts)
    keep = min(keep, len(pairs) - 1)
    first = np.array([pair.texts[0] for pair in pairs])
    found = np.empty((len(pairs), keep), np.int64)
    for start in range(0, len(pairs), _ROWS):
        near = images[start : start + _ROWS] @ texts.T
        for row, pair in enumerate(pairs[start : start + _ROWS]):
            near[row, np.isin(first, pair.texts)] = -np.inf
        near[np.arange(len(near)), start + np.arange(len(near))] = -np.inf
        best = np.argpartition(-near, keep - 1, axis=1)[:, :keep]
        order = np.argsort(-np.take_along_axis(near, best, 1), axis=1, kind="stable")
        found[start : start + _ROWS] = np.take_along_axis(best, order, 1)
    return found


def _parts(pairs: Sequence[Pair]) -> list[Sequence[Pair]]:
    return [pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)]


def _embedded(tower: DualTower, pairs: Sequence[Pair]) -> Floats:
    """(n, d); a row of zeros for a picture that cannot be read."""
    vectors = np.zeros((len(pairs), tower.dimensions), np.float32)
    tensors, rows = [], []
    for row, pair in enumerate(pairs):
        try:
            tensors.append(tower.prepare_image(pair.picture(tower.image_size).pixels))
            rows.append(row)
        except (SensoriumError, OSError):
            continue  # the feed counts it, with its reason, when it is drawn
    if rows:
        vectors[rows] = tower.encode_images(np.stack(tensors))
    return vectors
