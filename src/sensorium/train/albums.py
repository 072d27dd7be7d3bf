"""Albums: sets of pictures with their texts, and the drawing of batches from several of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sensorium.train.distil import Lesson, Pieces
from sensorium.train.halves import Half

Said = dict[str, list[Pieces]]
"""What is said of a picture: `en`, `zh`, `zh_mt` to sentences or a name, as pieces."""


@dataclass(frozen=True)
class Album:
    """A set of pictures: their lower halves in several views, and their texts as pieces.

    texts: per picture and language (`en`, `zh`, `zh_mt`) the sentences or names. share: how often
    one of its pictures is drawn beside one of another album's.
    """

    half: Half
    texts: list[Said]
    keys: list[str]
    share: float = 1.0

    def seen_by(self, see: Callable[[Tensor], Tensor]) -> "Album":
        """The same album with `see` of its halves in their place."""
        views = []
        with torch.no_grad():
            for view in self.half:
                parts = (view[at : at + 128].astype(np.float32) for at in range(0, len(view), 128))
                views.append(torch.cat([see(torch.from_numpy(part)) for part in parts]).numpy())
        return replace(self, half=np.stack(views).astype(np.float16))


class Sampler:
    """Draws pictures of albums, each in one of its views."""

    def __init__(self, albums: list[Album]) -> None:
        self.albums = albums
        self.places = [(a, i) for a, album in enumerate(albums) for i in range(len(album.texts))]
        odds = np.array([albums[a].share for a, _ in self.places])
        self.odds = odds / odds.sum()

    def draw(self, count: int, chance: np.random.Generator) -> tuple[Tensor, list[Said], list[str]]:
        """Halves `(count, channels, side, side)`, texts and keys of `count` different pictures."""
        chosen = chance.choice(len(self.places), count, replace=False, p=self.odds)
        where = [self.places[i] for i in chosen]
        halves = []
        for a, i in where:
            half = self.albums[a].half
            drawn = half[chance.integers(len(half)), i]
            # A mirrored half is nearly the half of the mirrored picture, and costs nothing.
            halves.append(drawn[..., ::-1] if drawn.ndim == 3 and chance.random() < 0.5 else drawn)
        stacked = torch.from_numpy(np.stack(halves).astype(np.float32))
        texts = [self.albums[a].texts[i] for a, i in where]
        return stacked, texts, [self.albums[a].keys[i] for a, i in where]


@dataclass(frozen=True)
class Material:
    """What an alignment draws from. captioned, named: albums. classes: ImageNet's names, English
    and Chinese. words: single words and where E5 has them."""

    captioned: list[Album]
    named: list[Album]
    classes: tuple[list[Pieces], list[Pieces]]
    words: Lesson

    def texts(self) -> list[Pieces]:
        """All pieces that may be drawn."""
        albums = [*self.captioned, *self.named]
        said = [
            row for album in albums for of in album.texts for rows in of.values() for row in rows
        ]
        return [*said, *self.classes[0], *self.classes[1], *self.words.rows]

    def seen_by(self, see: Callable[[Tensor], Tensor]) -> "Material":
        """The same with `see` of its halves in their place."""
        captioned = [album.seen_by(see) for album in self.captioned]
        return replace(self, captioned=captioned, named=[a.seen_by(see) for a in self.named])
