"""Weights in 4 bits: what is kept, how training sees it, and the graph that unpacks it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import onnxruntime  # noqa: E402

from sensorium.train.four_bits import (  # noqa: E402
    leave_rounded,
    pack,
    round_layers,
    rounded,
)
from sensorium.train.shrink import to_onnx  # noqa: E402
from sensorium.train.starts import unpack_q4  # noqa: E402


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 4))
def test_what_is_kept_is_near_and_is_kept_again(seed: int, rows: int, blocks: int) -> None:
    values = np.random.default_rng(seed).normal(size=(rows, 32 * blocks)).astype(np.float32)
    packed, scale = pack(values)
    assert packed.shape == (rows, 16 * blocks) and scale.shape == (rows, blocks)
    kept = unpack_q4(packed, scale)
    # A number on the far side of -8 has one step less to go to.
    step = np.repeat(np.abs(scale.astype(np.float32)), 32, axis=1)
    assert (np.abs(kept - values) <= 1.01 * step).all()
    assert np.array_equal(unpack_q4(*pack(kept)), kept)


def test_zeros_stay_zeros() -> None:
    assert not unpack_q4(*pack(np.zeros((2, 64), np.float32))).any()


def test_training_sees_the_rounded_weight_and_moves_the_other() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(32, 4)
    plain = layer.weight.detach().clone()
    (one,) = round_layers(layer)
    assert torch.equal(layer.weight, plain)
    one.on = True
    assert torch.allclose(layer.weight, rounded(plain), atol=1e-7)
    layer(torch.ones(1, 32)).sum().backward()
    kept = layer.parametrizations.weight.original
    assert torch.equal(kept.grad, torch.ones(4, 32)) and torch.equal(kept, plain)


def test_what_is_read_is_rounded_anew_after_every_step() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(32, 4)
    round_layers(layer)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=True)
    for _ in range(3):
        layer.train()(torch.ones(1, 32)).sum().backward()
        optimiser.step()
        expected = rounded(layer.parametrizations.weight.original)
        assert torch.allclose(layer.eval().weight, expected, atol=1e-7)
    leave_rounded(layer)
    assert isinstance(layer.weight, torch.nn.Parameter)
    assert torch.allclose(layer.weight, expected, atol=1e-7)


def test_the_graph_computes_what_was_kept(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Tanh(), torch.nn.Linear(128, 32))
    path, x = tmp_path / "net.onnx", torch.randn(2, 3, 64)
    to_onnx(net, (x,), {"x": {0: "n"}}, "y", path, "int4")
    stored = {one.name: one.data_type for one in onnx.load(path).graph.initializer}
    assert onnx.TensorProto.UINT8 in stored.values()
    assert path.stat().st_size < 64 * 128 + 6000
    with torch.no_grad():
        for layer in (net[0], net[2]):
            layer.weight.copy_(rounded(layer.weight))
        expected = net(x).numpy()
    (found,) = onnxruntime.InferenceSession(path).run(None, {"x": x.numpy()})
    assert np.allclose(found, expected, atol=1e-4)
