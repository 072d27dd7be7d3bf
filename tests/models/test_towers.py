"""The model over two networks, whatever runs them; which files it takes; what logits it states."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.models._pictures import open_clip_steps
from sensorium.models._towers import (
    Half,
    Networks,
    Steps,
    Tower,
    TwoTowers,
    find_graphs,
    stated_logits,
)
from sensorium.roles import DualTower
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.session import Arrays
from sensorium.spec import Folder, HubRepo

MEANS = ("pixel_values",), ("image_embeds",)


class Network:
    """A session of one function of its first input."""

    def __init__(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.rows: list[int] = []
        self.seen: set[str] = set()

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        first = feeds[self.inputs[0]]
        self.rows.append(len(first))
        self.seen = set(feeds)
        flat = first.reshape(len(first), -1).astype(np.float64)
        made = np.stack([flat.sum(1) + 3, flat.max(1), np.full(len(flat), 4.0)], axis=1)
        return dict.fromkeys(self.outputs, made)


def letters(texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    ids = np.array([[len(text), ord((text or "a")[0])] for text in texts], np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def model(image: Network, text: Network) -> TwoTowers:
    networks = Networks(Tower(image, ("image_embeds",)), Tower(text, ("text_embeds",)), 20.0, -1.0)
    checkpoint = Checkpoint(Folder(Path("/nowhere")), Path("/nowhere"), "1")
    return TwoTowers(checkpoint, networks, Steps(open_clip_steps({}, 8), letters))


@pytest.fixture
def image() -> Network:
    return Network(*MEANS)


@pytest.fixture
def text() -> Network:
    return Network(("input_ids", "attention_mask"), ("text_embeds",))


def test_it_is_a_dual_tower_with_vectors_of_unit_length(image: Network, text: Network) -> None:
    made = model(image, text)
    assert isinstance(made, DualTower)
    assert (made.dimensions, made.image_size, made.logit_scale, made.logit_bias) == (3, 8, 20, -1)
    pictures = list(np.random.default_rng(0).integers(0, 256, (70, 9, 11, 3), dtype=np.uint8))
    for vectors in (made.embed_images(pictures), made.embed_texts(["a", "bc"] * 40)):
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert image.rows == [32, 32, 6]
    prepared = np.stack([made.prepare_image(one) for one in pictures])
    np.testing.assert_array_equal(made.encode_images(prepared), made.embed_images(pictures))
    assert made.embed_texts([]).shape == made.embed_images([]).shape == (0, 3)


def test_texts_come_back_in_the_order_they_came(image: Network, text: Network) -> None:
    made = model(image, text)
    texts = ["a" * (n * 7 % 50 + 1) for n in range(80)]
    together = made.embed_texts(texts)
    for number in (0, 1, 13, 79):
        np.testing.assert_allclose(made.embed_texts([texts[number]])[0], together[number])


def test_a_network_is_fed_what_it_knows_and_a_lone_input_by_any_name(text: Network) -> None:
    model(Network(*MEANS), text).embed_texts(["a"])
    assert text.seen == {"input_ids", "attention_mask"}
    lone = Network(("text",), ("embedding",))
    model(Network(*MEANS), lone).embed_texts(["a"])
    assert lone.seen == {"text"}


def test_a_graph_without_an_embedding_is_refused(text: Network) -> None:
    hidden = Network(("pixel_values",), ("last_hidden_state", "pooler_output"))
    with pytest.raises(InputError, match="no embedding"):
        model(hidden, text).encode_images(np.zeros((1, 3, 8, 8), np.float32))


def test_half_a_graph_feeds_the_other_half_one_blank() -> None:
    joint = Network(("input_ids", "pixel_values"), ("text_embeds",))
    blank = {"input_ids": np.zeros((1, 2)), "pixel_values": np.zeros((1, 3, 8, 8))}
    half = Half(joint, ("input_ids",), blank)
    made = half.run({"input_ids": np.ones((4, 2))})
    assert made["text_embeds"].shape == (4, 3)
    assert joint.seen == {"input_ids", "pixel_values"}
    assert Half(joint, ("pixel_values",), blank).run({"pixel_values": np.ones((4, 3, 8, 8))}) == {}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ("onnx/vision_model.onnx onnx/text_model.onnx onnx/model.onnx", "vision_model text_model"),
        ("onnx/vision_model_fp16.onnx onnx/text_model_quantized.onnx", "vision_model text_model"),
        ("visual/model.onnx textual/model.onnx", "model model"),
        ("onnx/model_quantized.onnx", "model"),
        ("model.onnx onnx/text_model.onnx", "model"),
    ],
)
def test_graphs_are_found_in_the_layouts_of_the_hub(tmp_path: Path, files: str, found: str) -> None:
    for name in files.split():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    made = find_graphs(Checkpoint(Folder(tmp_path), tmp_path, "1"))
    stems = [path.stem.removesuffix("_fp16").removesuffix("_quantized") for path in made]
    assert stems == found.split()


def safetensors(**scalars: float) -> bytes:
    header = {
        name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * n, 4 * n + 4]}
        for n, name in enumerate(scalars)
    }
    told = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(told)) + told + struct.pack(f"<{len(scalars)}f", *scalars.values())


def test_the_config_goes_before_the_weights_and_these_before_the_start(tmp_path: Path) -> None:
    def stated(**config: float) -> tuple[float, float]:
        (tmp_path / "config.json").write_text(json.dumps(config))
        return stated_logits(Checkpoint(Folder(tmp_path), tmp_path, "1"))

    assert stated() == (1.0, 0.0)
    assert stated(logit_scale_init_value=2.0) == pytest.approx((np.exp(2.0), 0.0))
    (tmp_path / "model.safetensors").write_bytes(safetensors(logit_scale=4.0, logit_bias=-9.0))
    assert stated(logit_scale_init_value=2.0) == pytest.approx((np.exp(4.0), -9.0))
    assert stated(logit_scale=50.0) == (50.0, 0.0)
    assert stated(logit_scale=50.0, logit_bias=-3.0) == (50.0, -3.0)


def test_a_row_of_the_catalogue_knows_what_a_repository_leaves_out(tmp_path: Path) -> None:
    spec = HubRepo("Xenova/clip-vit-base-patch32", "some-commit")
    assert stated_logits(Checkpoint(spec, tmp_path, "1")) == (100.0, 0.0)


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(InputError, match="no safetensors"):
        stated_logits(Checkpoint(Folder(tmp_path), tmp_path, "1"))
