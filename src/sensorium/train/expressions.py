"""Faces with what they express: FER2013's one label a face, and the votes that FER+ added.

The two are different questions. One label came from the word that found the picture; ten people
looked at each face afterwards, and the most of them agree with the word in 63 of 100.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sensorium.errors import InputError
from sensorium.models.face_emotion import VOTED
from sensorium.results.timeline import EMOTIONS
from sensorium.train.readers.parquet import table_rows

SIDE = 48
_HELD = "PublicTest"


@dataclass(frozen=True)
class Faces:
    """pixels: uint8 `(n, 48, 48)`. labels: places in `EMOTIONS`. votes: `(n, 10)` in the order of
    `VOTED`."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: NDArray[np.bool]) -> "Faces":
        return Faces(self.pixels[chosen], self.labels[chosen], self.votes[chosen])

    def shares(self) -> NDArray[np.float32]:
        """Votes as float32 `(n, 7)` in the order of `EMOTIONS`, rows that sum to 1; a row of zeros
        where half of the people saw no emotion of ours. A single vote counts as a slip, as in
        FER+'s own training."""
        kept = np.where(self.votes > 1, self.votes, 0)
        ours = kept[:, [VOTED.index(name) for name in EMOTIONS]].astype(np.float32)
        told = ours.sum(1) * 2 > self.votes.sum(1)
        shares: NDArray[np.float32] = ours / np.maximum(ours.sum(1, keepdims=True), 1)
        shares[~told] = 0
        return shares

    def filed_as(self) -> NDArray[np.float32]:
        """What faces with such votes are filed under, float32 `(n, 7)`: a logistic regression of
        the labels on the logarithms of the shares of votes. One label is the word of one search;
        this is its mean over faces that ten people saw alike."""
        import torch

        shares = torch.from_numpy(self.votes / np.maximum(self.votes.sum(1, keepdims=True), 1))
        shares, labels = shares.float(), torch.from_numpy(self.labels)
        features = torch.cat([shares, torch.log(shares + 0.05)], 1)
        net = torch.nn.Linear(features.shape[1], len(EMOTIONS))
        torch.nn.init.zeros_(net.weight)
        steps = torch.optim.LBFGS(net.parameters(), max_iter=200, line_search_fn="strong_wolfe")

        def surprise() -> torch.Tensor:
            steps.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(features), labels)
            loss = loss + 1e-4 * (net.weight**2).sum()
            loss.backward()
            return loss

        steps.step(surprise)
        with torch.no_grad():
            told: NDArray[np.float32] = net(features).softmax(1).numpy()
        return told

    def majority(self) -> NDArray[np.int64]:
        """The place in `EMOTIONS` that has most votes of all ten; -1 where another or none has."""
        names = [VOTED[at] for at in self.votes.argmax(1)]
        found = [EMOTIONS.index(one) if one in EMOTIONS else -1 for one in names]
        return np.where(self.votes.sum(1) > 0, np.array(found, np.int64), -1)


@dataclass(frozen=True)
class Split:
    """train and held (`usage` “PublicTest”). unvoted: rows without votes that were left out of
    train, half of them no faces; repeats: rows left out because held has the same pixels."""

    train: Faces
    held: Faces
    unvoted: int
    repeats: int


def read_expressions(path: Path) -> Split:
    """A parquet file with the columns `image`, `emotion`, `usage`, `votes`."""
    rows = list(table_rows(path, ("image", "emotion", "usage", "votes")))
    faces = Faces(
        np.stack([_grey(row["image"]) for row in rows]),
        np.array([EMOTIONS.index(row["emotion"]) for row in rows], np.int64),
        np.array([row["votes"] or [0] * len(VOTED) for row in rows], np.int64),
    )
    held = np.array([row["usage"] == _HELD for row in rows])
    if held.all() or not held.any():
        raise InputError(f"{path} cannot be trained on", f"no usage or every one is {_HELD}")
    apart = {face.tobytes() for face in faces.pixels[held]}
    repeats = ~held & np.array([face.tobytes() in apart for face in faces.pixels])
    unvoted = ~held & ~repeats & (faces.votes.sum(1) == 0)
    train = ~held & ~repeats & ~unvoted
    return Split(faces.take(train), faces.take(held), int(unvoted.sum()), int(repeats.sum()))


def _grey(data: bytes) -> NDArray[np.uint8]:
    picture = Image.open(io.BytesIO(data)).convert("L")
    if picture.size != (SIDE, SIDE):
        picture = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8)
