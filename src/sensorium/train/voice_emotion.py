"""The network that hears what is felt in a voice: Whisper's encoder, pooled at every depth."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensorium.train.speech import SpeechEncoder

_NO = -1e4


class VoiceEmotion(nn.Module):  # type: ignore[misc]
    """Log-mel (n, 80, t) and mask (n, t / 2) to logits (n, labels), divided by the temperature.

    Mean and spread over time of the states of every depth: what is felt stands in the lower layers
    as much as in the upper ones, which know words (Chen et al., WavLM, 2022, fig. 2, find alike).
    """

    def __init__(self, encoder: SpeechEncoder, labels: int, dropout: float) -> None:
        super().__init__()
        self.encoder, self.dropout = encoder, dropout
        features = 2 * (len(encoder.layers) + 1) * encoder.position.shape[1]
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("temperature", torch.ones(()))
        self.head = nn.Linear(features, labels)

    def pool(self, mel: Tensor, mask: Tensor) -> Tensor:
        """(n, features), before they are brought to mean 0 and spread 1."""
        seen = mask.unsqueeze(-1)
        total = seen.sum(1)
        parts = []
        for states in self.encoder(mel, mask):
            states = states.float()
            mean = (states * seen).sum(1) / total
            away = (states - mean[:, None]) * seen
            parts += [mean, ((away * away).sum(1) / total + 1e-6).sqrt()]
        return torch.cat(parts, -1)

    def read(self, mel: Tensor, mask: Tensor) -> Tensor:
        """Logits at a temperature of 1."""
        features = (self.pool(mel, mask) - self.centre) / self.scale
        logits: Tensor = self.head(functional.dropout(features, self.dropout, self.training))
        return logits

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        return self.read(mel, mask) / self.temperature


def own_loss(logits: Tensor, labels: Tensor, candidates: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross entropy among each row's candidates, bool (n, labels); smoothing is shared out among
    them alone."""
    chances = logits.float().masked_fill(~candidates, _NO).log_softmax(-1)
    hit = -chances.gather(1, labels[:, None])[:, 0]
    spread = -(chances * candidates).sum(-1) / candidates.sum(-1)
    return ((1 - smoothing) * hit + smoothing * spread).mean()


def fit_linear(
    features: Tensor, labels: Tensor, candidates: Tensor, decay: float = 3e-3
) -> tuple[Tensor, Tensor]:
    """Weights (labels, features) and biases of a logistic regression, on features of spread 1."""
    weight = torch.zeros(candidates.shape[1], features.shape[1], requires_grad=True)
    bias = torch.zeros(candidates.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=60, history_size=10)

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = features @ weight.T + bias
        loss = own_loss(logits, labels, candidates) + decay * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach(), bias.detach()
