"""Two towers as training sees them, whatever they are made of."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensorium.runtime.checkpoint import Checkpoint
from sensorium.train.loop import Group, grouped
from sensorium.train.view import View

Side = str
"""`image` or `text`."""
SIDES: tuple[Side, Side] = ("image", "text")


class DualEncoder(nn.Module, ABC):  # type: ignore[misc]
    """Pictures and texts in one space. A subclass has `pixels_to` and `words_to`, and its parts."""

    log_scale: nn.Parameter
    """Of what multiplies cosines, the logarithm; one number."""
    bias: nn.Parameter
    """Added to the product, by the pairwise sigmoid alone; one number."""

    def __init__(self, mean: Any, std: Any) -> None:
        """mean, std: of pixels scaled to 0 to 1, numbers or one a channel."""
        super().__init__()
        for name, value in (("mean", mean), ("std", std)):
            channels = torch.as_tensor(value, dtype=torch.float32).expand(3).reshape(3, 1, 1)
            self.register_buffer(name, channels.clone(), persistent=False)

    @abstractmethod
    def pixels_to(self, pixels: Tensor) -> Tensor:
        """(n, 3, s, s), normalised, → (n, d), of any length."""

    @abstractmethod
    def words_to(self, *words: Tensor) -> Tensor:
        """What the start's `words` gives → (n, d), of any length."""

    @abstractmethod
    def parts(self, side: Side) -> Sequence[nn.Module]:
        """The modules that only this side uses."""

    def see(self, squares: Tensor) -> Tensor:
        """uint8 (n, s, s, 3) → (n, d) of unit length.

        Bytes become numbers here, so that gradient caching holds a part's numbers at a time.
        """
        pixels = squares.permute(0, 3, 1, 2).float() / 255
        vectors = self.pixels_to(((pixels - self.mean) / self.std).contiguous())
        return functional.normalize(vectors.float(), dim=-1)

    def read(self, *words: Tensor) -> Tensor:
        """→ (n, d) of unit length."""
        return functional.normalize(self.words_to(*words).float(), dim=-1)

    @abstractmethod
    def groups(self) -> list[Group]:
        """What learns, with factors of the run's rate that suit this start."""

    def scalars(self) -> Group:
        """Scale and bias; a step of them is seen in every logit, so they learn at the full rate."""
        return Group([self.log_scale, self.bias], decay=False)

    def train(self, mode: bool = True) -> "DualEncoder":
        """Batch norm keeps the statistics of its start: those of a small batch are noise, and with
        gradient caching they would be a part's. What does not learn stays in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        for part in (part for side in SIDES for part in self.parts(side)):
            if not any(one.requires_grad for one in part.parameters()):
                part.eval()
        return self


def freeze(model: DualEncoder, side: Side) -> None:
    """This side learns no more; scale and bias, which are of both, do."""
    for part in model.parts(side):
        part.requires_grad_(False)
    model.log_scale.requires_grad_(True)
    model.bias.requires_grad_(True)


def groups_at(modules: Sequence[nn.Module], rate: float) -> list[Group]:
    """`loop.grouped` of several modules."""
    return [group for module in modules for group in grouped(module, rate)]


def named(checkpoint: Checkpoint) -> str:
    """A start, as the card names it."""
    return f"`{checkpoint.spec}`, revision {checkpoint.revision}"


@dataclass(frozen=True)
class Begun:
    """A start, loaded.

    view: how its pictures are prepared. words: texts to what `model.read` takes. write: the folder
    that `models.open` opens, but for what every run's folder has. told: rows of the card. loss: by
    which it learnt before.
    """

    model: DualEncoder
    view: View
    words: Callable[[Sequence[str]], tuple[Tensor, ...]]
    write: Callable[[Path], None]
    told: Mapping[str, str]
    loss: str = "info-nce"
