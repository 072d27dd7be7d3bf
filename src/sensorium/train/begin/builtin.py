"""To begin with the built-in dual tower, or any folder of its make: its graphs, as towers again.

Nothing but ONNX files ships. Their nodes are named after the modules that they were traced from
(`/net/blocks.16/steps/steps.0/steps.0.0/Conv`), so the weights find their way back by name; what
comes of it is compared with the graphs before anything is trained on it.
"""

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from tokenizers import Tokenizer
from torch import Tensor, nn

from sensorium.errors import InputError, first_line
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.image import Resample
from sensorium.train.begin.encoder import Begun, DualEncoder, Side, named
from sensorium.train.distil import numbered, padded
from sensorium.train.encoders import Block, EfficientNetLite, Layer, SameConv, TextEncoder
from sensorium.train.export import write_config
from sensorium.train.loop import Group
from sensorium.train.shrink import to_onnx
from sensorium.train.starts import E5Weights
from sensorium.train.towers import ImageTower, TextTower, Towers
from sensorium.train.view import View

_MOVING = 2  # of the image tower's blocks, the last; those below keep what ImageNet taught them
_STILL = 1  # of the text tower's layers, the first
_DROPOUT = 0.3  # of picture features, as when the tower was made
_TOLERANCE = 0.02  # in a vector of unit length: 8 bits are read back, and bfloat16 is not used
State = dict[str, NDArray[Any]]


class BuiltIn(DualEncoder):
    """The towers of `train/towers.py`: upper blocks, layers and projections learn."""

    def __init__(self, towers: Towers, mean: Any, std: Any) -> None:
        super().__init__(mean, std)
        self.towers = towers
        self.bias = nn.Parameter(torch.tensor(-10.0))
        self.moves = max(0, len(towers.image.net.blocks) - _MOVING)
        towers.requires_grad_(False)
        for group in self.groups():
            for weight in group.parameters:
                weight.requires_grad_(True)

    @property
    def log_scale(self) -> nn.Parameter:
        return self.towers.image.log_scale

    def pixels_to(self, pixels: Tensor) -> Tensor:
        image = self.towers.image
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            half = image.net.lower(pixels.to(memory_format=torch.channels_last), self.moves)
        return image.place(image.upper(half.float(), self.moves))

    def words_to(self, *words: Tensor) -> Tensor:
        vectors: Tensor = self.towers.text(*words)
        return vectors

    def parts(self, side: Side) -> Sequence[nn.Module]:
        return [self.towers.image if side == "image" else self.towers.text]

    def groups(self) -> list[Group]:
        text, image = self.towers.text, self.towers.image
        upper = [*image.net.blocks[self.moves :], image.net.head]
        found = [
            Group([w for one in upper for w in one.parameters()], 0.05),
            Group(image.head(), 0.1),
            Group([w for one in text.encoder.layers[_STILL:] for w in one.parameters()], 0.025),
            Group(list(text.project.parameters()), 0.05),
        ]
        return [*found, self.scalars()]


def begin_builtin(checkpoint: Checkpoint) -> Begun:
    """Raises InputError for a folder whose towers are of another make."""
    config, folder = checkpoint.config, checkpoint.folder
    says = config["image"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(config["text"]["max_length"])
    words = partial(_words, tokenizer)
    try:
        towers = Towers(read_text(folder / "text.onnx"), read_image(folder / "image.onnx"))
        model = BuiltIn(towers, says["mean"], says["std"]).eval()
        _compare(model, words, folder, says["size"])
    except (KeyError, RuntimeError, ValueError, StopIteration) as error:
        raise InputError(
            f"{checkpoint.spec} cannot be trained on",
            why=f"its graphs are not those of the built-in towers: {first_line(error)}",
            hint="begin with the run that made it: its folder has best.pt and run.toml",
        ) from error
    with torch.no_grad():
        towers.image.log_scale.fill_(float(np.log(config["logit_scale"])))
    view = View(says["size"], resample=Resample(says["resample"]))
    told = {"start": named(checkpoint)}
    if checkpoint.licence:
        told["terms of the start"] = checkpoint.licence
    return Begun(model, view, words, partial(_write, model, config, folder), told)


def _words(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Tensor, ...]:
    return padded(numbered(tokenizer, texts))


def read_image(path: Path) -> ImageTower:
    """The image tower that was exported as `path`."""
    graph = onnx.load(path).graph
    state = _state(graph)
    tower = ImageTower(
        _net(graph), nn.Linear(*reversed(state["classifier.weight"].shape)), 1, _DROPOUT
    )
    features, dim = state["project.weight"].shape[1], state["project.weight"].shape[0]
    tower.project = nn.Linear(features, dim)
    tower.names = nn.Parameter(torch.zeros(len(state["names"]), dim))
    state["log_scale"] = np.zeros((), np.float32)  # not in the graph, but in the config
    _load(tower, state)
    return tower


def _net(graph: onnx.GraphProto) -> EfficientNetLite:
    """The network whose convolutions a graph lists, blocks as they come, without weights."""
    shapes = _constants(graph)
    net = EfficientNetLite(1.0, 1.0)
    convs = [(_module(n.name), n, shapes[n.input[1]].shape) for n in _of(graph, "Conv")]
    blocks: dict[int, list[tuple[onnx.NodeProto, tuple[int, ...]]]] = {}
    for name, node, shape in convs:
        if name.startswith("net.blocks."):
            blocks.setdefault(int(name.split(".")[2]), []).append((node, shape))
    net.blocks = nn.ModuleList(_block(blocks[number]) for number in sorted(blocks))
    stem, head = convs[0][2], convs[-1][2]
    net.stem, net.head = SameConv(3, stem[0], 3, 2), SameConv(head[1], head[0], 1)
    return net


def _block(convs: list[tuple[onnx.NodeProto, tuple[int, ...]]]) -> Block:
    depthwise, (wide, _, kernel, _) = convs[-2]
    (stride, _) = next(a.ints for a in depthwise.attribute if a.name == "strides")
    inp = convs[0][1][1] if len(convs) == 3 else wide
    return Block(inp, convs[-1][1][0], kernel, stride, wide // inp)


def read_text(path: Path) -> TextTower:
    """The text tower that was exported as `path`."""
    graph = onnx.load(path).graph
    state = _state(graph)
    packed, scale = state.pop("encoder.words.packed"), state.pop("encoder.words.scale")
    longest, hidden = state["encoder.position"].shape
    layers = 1 + max(int(name.split(".")[2]) for name in state if ".layers." in name)
    eps = next(a.f for a in next(_of(graph, "LayerNormalization")).attribute if a.name == "epsilon")
    weights = E5Weights([], [], packed, scale, _blank(longest, hidden), 0, _heads(graph), eps)
    encoder = TextEncoder(weights, list(range(len(packed))), [], longest)
    tower = TextTower(encoder, hidden, len(state["project.weight"]))
    encoder.layers.extend(_layer(hidden, weights) for _ in range(layers))
    state |= {"encoder.words.packed": packed, "encoder.words.scale": scale}
    _load(tower, state)
    return tower


def _blank(longest: int, hidden: int) -> dict[str, Tensor]:
    """What `TextEncoder` asks of E5 when it keeps none of its layers."""
    zeros = torch.zeros(hidden)
    place = {"emb.pos": torch.zeros(longest * hidden), "emb.type": zeros}
    return place | {"emb.ln.w": zeros, "emb.ln.b": zeros}


def _layer(hidden: int, weights: E5Weights) -> nn.Module:
    return Layer(hidden, weights.heads, weights.eps)


def _heads(graph: onnx.GraphProto) -> int:
    """Out of the shape (n, tokens, 3, heads, width) that queries, keys and values are cut to."""
    constants = _constants(graph)
    joined = next(n for n in _of(graph, "Concat") if len(n.input) == 5 and "/layers." in n.name)
    return int(constants[joined.input[3]].reshape(-1)[0])


def _load(tower: nn.Module, state: State) -> None:
    tower.load_state_dict({name: torch.from_numpy(np.array(v)) for name, v in state.items()})


def _state(graph: onnx.GraphProto) -> State:
    """Weights by the names that torch had for them; folded batch norms are unfolded to ones that
    only add."""
    constants = _constants(graph)
    named = {one.name for one in graph.initializer}
    named |= {n.output[0] for n in chain(_stored(graph), _of(graph, "Identity"))} & constants.keys()
    state = {n: constants[n] for n in named if not n.startswith("onnx::") and _is_weight(n)}
    for node in _of(graph, "Conv"):
        name = _module(node.name)
        before, _, last = name.rpartition(".")
        bias = constants[node.input[2]]
        state[f"{name}.weight"] = constants[node.input[1]]
        one = np.ones_like(bias)
        norm = {"weight": one, "bias": bias, "running_mean": 0 * one, "running_var": one - 1e-3}
        norm["num_batches_tracked"] = np.zeros((), np.int64)
        state |= {f"{before}.{int(last) + 1}.{key}": value for key, value in norm.items()}
    for node in _of(graph, "MatMul"):
        if node.input[1].startswith("onnx::"):
            state[f"{_module(node.name)}.weight"] = constants[node.input[1]].T
    return state


def _is_weight(name: str) -> bool:
    return (
        not name.startswith("/") and not name.endswith((".half", ".int8", ".scale", ".whole"))
    ) or (name == "encoder.words.scale")


def _module(node: str) -> str:
    """`/net/blocks.16/steps/steps.0/steps.0.0/Conv` → `net.blocks.16.steps.0.0`: a Sequential's
    parts repeat its name."""
    parts = node.strip("/").split("/")[:-1]
    ends = [*parts[1:], ""]
    return ".".join(a for a, b in zip(parts, ends, strict=True) if not b.startswith(f"{a}."))


def _of(graph: onnx.GraphProto, kind: str) -> Iterator[onnx.NodeProto]:
    return (node for node in graph.node if node.op_type == kind)


def _stored(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The nodes that `shrink.py` put before the graph: Cast and Mul of what is stored."""
    stored = {one.name for one in graph.initializer}
    for node in graph.node:
        if node.op_type not in ("Cast", "Mul") or not set(node.input) <= stored:
            return
        stored.update(node.output)
        yield node


def _constants(graph: onnx.GraphProto) -> State:
    """Every tensor that does not depend on an input, stored ones as float32."""
    found = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in _of(graph, "Constant"):
        found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    for node in _stored(graph):
        first, *rest = (found[name] for name in node.input)
        found[node.output[0]] = first * rest[0] if rest else first.astype(np.float32)
    for node in _of(graph, "Identity"):  # of equal tensors the exporter keeps one
        if node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _compare(model: BuiltIn, words: Any, folder: Path, size: int) -> None:
    """Towers that see or read otherwise than the graphs they came of are not trained on."""
    noise = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    texts = words(["a dog runs", "两只猫"])
    with torch.inference_mode():
        seen, read = model.see(torch.from_numpy(noise)), model.read(*texts)
        pixels = (torch.from_numpy(noise).permute(0, 3, 1, 2) / 255 - model.mean) / model.std
    feeds: dict[str, Any] = dict(zip(("ids", "mask"), (one.numpy() for one in texts), strict=True))
    wanted_seen = OnnxSession(folder / "image.onnx").run({"pixels": pixels.numpy()})["embedding"]
    wanted_read = OnnxSession(folder / "text.onnx").run(feeds)["embedding"]
    off = max(
        float(np.abs(seen.numpy() - wanted_seen).max()),
        float(np.abs(read.numpy() - wanted_read).max()),
    )
    if off > _TOLERANCE:
        raise ValueError(f"read back, they differ by {off:.2g}")


def _write(model: BuiltIn, config: dict[str, Any], source: Path, out: Path) -> None:
    """A folder of the same make: half and quarter the bytes, see `shrink.py`."""
    image, text = model.towers.image.to(memory_format=torch.contiguous_format), model.towers.text
    size = config["image"]["size"]
    pixels = torch.zeros(2, 3, size, size)
    to_onnx(image, (pixels,), {"pixels": {0: "n"}}, "embedding", out / "image.onnx", "float16")
    ids = torch.ones(2, 9, dtype=torch.long)
    axes = {name: {0: "n", 1: "t"} for name in ("ids", "mask")}
    to_onnx(text, (ids, ids), axes, "embedding", out / "text.onnx", "int8")
    if not (out / "tokenizer.json").exists():
        shutil.copyfile(source / "tokenizer.json", out / "tokenizer.json")
    learnt = {"logit_scale": image.scale().item(), "logit_bias": model.bias.item()}
    write_config(out, config | learnt)
