"""Two towers that meet in one space: an encoder each, and a way from its features to the space."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensorium.train.encoders import EfficientNetLite, TextEncoder


class TextTower(nn.Module):  # type: ignore[misc]
    """A TextEncoder and a projection: `(n, t)` ids and mask to `(n, d)` of unit length."""

    def __init__(self, encoder: TextEncoder, width: int, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.project = nn.Linear(width, dim)

    def place(self, pooled: Tensor) -> Tensor:
        return functional.normalize(self.project(pooled), dim=-1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            pooled = self.encoder(ids, mask)
        return self.place(pooled.float())


class ImageTower(nn.Module):  # type: ignore[misc]
    """EfficientNet-Lite, then a projection of its features plus a mixture of class names."""

    def __init__(
        self, net: EfficientNetLite, classifier: nn.Linear, dim: int, dropout: float
    ) -> None:
        super().__init__()
        self.net, self.classifier = net, classifier.requires_grad_(False)
        self.project = nn.Linear(classifier.in_features, dim)
        nn.init.zeros_(self.project.weight)  # the mixture alone is a fair beginning
        self.names = nn.Parameter(torch.zeros(classifier.out_features, dim))
        self.log_sharpness = nn.Parameter(torch.zeros(()))
        self.log_scale = nn.Parameter(torch.tensor(20.0).log())
        self.dropout = dropout

    def train(self, mode: bool = True) -> "ImageTower":
        """Batch norm keeps ImageNet's statistics: the cached halves were made with them."""
        super().train(mode)
        self.net.eval()
        return self

    def head(self) -> list[nn.Parameter]:
        return [*self.project.parameters(), self.names, self.log_sharpness]

    def scale(self) -> Tensor:
        """What cosines are multiplied by; CLIP's limit of 100."""
        return self.log_scale.exp().clamp(max=100.0)

    def upper(self, half: Tensor, start: int) -> Tensor:
        """Features `(n, 1280)` from what the first `start` blocks gave."""
        half = half.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            return self.net.upper(half, start).float().mean((2, 3))

    def place(self, features: Tensor) -> Tensor:
        """Features to the space, `(n, d)` of unit length."""
        classes = (self.classifier(features) * self.log_sharpness.exp()).softmax(-1)
        dropped = functional.dropout(features, self.dropout, self.training)
        return functional.normalize(self.project(dropped) + classes @ self.names, dim=-1)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.place(self.net(pixels).mean((2, 3)))


class Towers(nn.Module):  # type: ignore[misc]
    def __init__(self, text: TextTower, image: ImageTower) -> None:
        super().__init__()
        self.text, self.image = text, image
