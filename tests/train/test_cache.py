import weakref
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from sensorium.train.cache import encode_in_parts  # noqa: E402
from sensorium.train.losses import info_nce  # noqa: E402


def tower(seed: int) -> Any:
    torch.manual_seed(seed)
    layers = torch.nn.Linear(8, 32), torch.nn.GELU(), torch.nn.Dropout(0.0), torch.nn.Linear(32, 4)
    return torch.nn.Sequential(*layers)


def gradients(at_once: int) -> tuple[float, list[Any]]:
    images, texts = tower(0), tower(1)
    torch.manual_seed(2)
    inputs = torch.randn(13, 8), torch.randn(13, 8)
    rows = [
        torch.nn.functional.normalize(encode_in_parts(one, (given,), at_once), dim=-1)
        for one, given in zip((images, texts), inputs, strict=True)
    ]
    loss = info_nce(rows[0], rows[1], torch.tensor(2.0))
    loss.backward()
    return float(loss.detach()), [p.grad for one in (images, texts) for p in one.parameters()]


@pytest.mark.parametrize("at_once", [1, 4, 12])
def test_gradients_of_parts_are_those_of_the_whole(at_once: int) -> None:
    whole, part = gradients(13), gradients(at_once)
    assert part[0] == pytest.approx(whole[0], abs=1e-6)
    for one, other in zip(part[1], whole[1], strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_dropout_falls_alike_when_a_part_is_encoded_again() -> None:
    drop = torch.nn.Dropout(0.5)
    weight = torch.ones(1, requires_grad=True)
    seen = []

    def encode(rows: Any) -> Any:
        dropped = drop(rows * weight)
        seen.append(dropped.detach().clone())
        return dropped.square()

    encode_in_parts(encode, (torch.ones(6, 50),), 2).sum().backward()
    assert len(seen) == 6
    for first, again in zip(seen[:3], reversed(seen[3:]), strict=True):
        assert torch.equal(first, again)


def test_only_a_part_is_held_in_memory() -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    base: Any = torch.autograd.Function

    class Watched(base):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, rows: Any) -> Any:
            nonlocal most
            held = rows.clone()
            alive.add(held)
            context.save_for_backward(held)
            most = max(most, sum(len(one) for one in alive))
            return rows * 2

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            return gradient * 2 + 0 * context.saved_tensors[0]

    weight = torch.ones(1, requires_grad=True)
    encode_in_parts(
        lambda rows: Watched.apply(rows * weight), (torch.ones(12, 3),), 3
    ).sum().backward()
    assert weight.grad is not None
    assert most <= 6
