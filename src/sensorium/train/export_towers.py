"""Write a checkpoint of two towers as a folder of ONNX files, which `dir:` opens without torch.

    onnx/vision_model.onnx      pixel_values → image_embeds   (…_int8.onnx where quantized)
    onnx/text_model.onnx        input_ids, attention_mask → text_embeds
    config.json                 the checkpoint's own, with logit_scale and logit_bias as numbers
    preprocessor_config.json, tokenizer.json, …   the checkpoint's own files, as they are
    README.md                   where it came from

This is for checkpoints of the families in `models/` (CLIP, SigLIP, Chinese-CLIP, OpenCLIP). What
the project trains itself is exported by its own recipe.
"""

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sensorium.errors import InputError, SensoriumError
from sensorium.metrics.retrieval import ranks, recall_at_k
from sensorium.models import open as open_model
from sensorium.models._towers import TwoTowers
from sensorium.roles import DualTower, Floats, Pixels
from sensorium.runtime.hub import resolve
from sensorium.runtime.layouts import PAIRS
from sensorium.runtime.onnx import OnnxSession, quantize
from sensorium.runtime.session import Session
from sensorium.spec import Folder, ModelSpec
from sensorium.version import __version__

_KEPT = (".json", ".txt", ".model")
_TOLERANCE = 1e-4

Pair = tuple[Pixels, str]


@dataclass(frozen=True)
class Drift:
    """What an export changed, on a sample.

    image_cosine, text_cosine: (mean, least) cosine between an item's vector before and after.
    recall: direction (`text to image`, `image to text`) → recall at 1 before and after, 0 to 1.
    n: pairs of the sample.
    """

    image_cosine: tuple[float, float]
    text_cosine: tuple[float, float]
    recall: dict[str, tuple[float, float]]
    n: int


@dataclass(frozen=True)
class Exported:
    """drift: None where no sample was given."""

    folder: Path
    megabytes: float
    drift: Drift | None


def export(
    spec: ModelSpec, folder: Path, int8: bool = False, sample: Sequence[Pair] = ()
) -> Exported:
    """Write `spec` to `folder`, which must not exist or be empty, and compare the two.

    sample: pictures with their sentences. Raises SensoriumError where a float export does not give
    the vectors of the original (to 1e-4), InputError where there is nothing to export.
    """
    model = open_model(spec, DualTower)
    if not isinstance(model, TwoTowers):
        raise InputError(f"{spec} cannot be exported", "it is ONNX already, in a layout of its own")
    if not int8 and isinstance(model.networks.image.session, OnnxSession):
        raise InputError(f"{spec} is ONNX already", "only --int8 would change it")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty", "an export writes a folder of its own")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        made = Path(scratch, "made").absolute()
        with _torch_errors():
            _graphs(model, made, int8)
        _files(model, resolve(spec).folder, made)
        after = open_model(Folder(made), DualTower)
        if not int8:
            _check(model, after)
        drift = measure(model, after, sample) if sample else None
        if folder.exists():
            folder.rmdir()  # an empty one: not every system renames over it
        made.replace(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Exported(folder, size / 1e6, drift)


def measure(before: DualTower, after: DualTower, sample: Sequence[Pair]) -> Drift:
    """How far the vectors moved, and what that did to finding the right one of the sample."""
    pictures, texts = [pair[0] for pair in sample], [pair[1] for pair in sample]
    images = [model.embed_images(pictures) for model in (before, after)]
    words = [model.embed_texts(texts) for model in (before, after)]
    same = np.array([[one == other for other in texts] for one in texts])
    found = [_recall(w @ i.T, same) for w, i in zip(words, images, strict=True)]
    back = [_recall(i @ w.T, same) for w, i in zip(words, images, strict=True)]
    return Drift(
        _cosines(*images),
        _cosines(*words),
        {"text to image": (found[0], found[1]), "image to text": (back[0], back[1])},
        len(sample),
    )


def _recall(similarity: Floats, same: Any) -> float:
    return recall_at_k(ranks(similarity, same), 1)


def _cosines(before: Floats, after: Floats) -> tuple[float, float]:
    cosines = (before * after).sum(axis=1)
    return float(cosines.mean()), float(cosines.min())


def _graphs(model: TwoTowers, folder: Path, int8: bool) -> None:
    (folder / "onnx").mkdir(parents=True)
    texts = ["a photo of a dog", "dog"]  # of unlike length, so that the padding is traced too
    noise = np.random.default_rng(0).integers(0, 256, (2, 300, 400, 3), dtype=np.uint8)
    pixels = np.stack([model.prepare_image(one) for one in noise])
    feeds: tuple[dict[str, Any], ...] = ({"pixel_values": pixels}, model.words(texts))
    towers = (model.networks.image, model.networks.text)
    for stem, tower, given in zip(PAIRS[0], towers, feeds, strict=True):
        session, target = tower.session, folder / f"{stem}{'_int8' if int8 else ''}.onnx"
        if isinstance(session, OnnxSession):
            quantize(session.path, target)
        elif not int8:
            _trace(session, given, target)
        else:
            exact = folder / "exact.onnx"
            _trace(session, given, exact)
            quantize(exact, target)
            exact.unlink()


def _trace(session: Session, feeds: dict[str, Any], target: Path) -> None:
    """Write what a tower does in torch as a graph of any number of rows and tokens."""
    import torch

    from sensorium.runtime.torch import TorchSession
    from sensorium.train.export import trace

    if not isinstance(session, TorchSession):
        raise InputError(
            "a graph that has both towers cannot be taken apart",
            why="this checkpoint is one such graph",
            hint="export the repository that it was made of, with its weights",
        )
    names, output = session.inputs, session.outputs[0]
    arrays = [*feeds.values()][: len(names)]
    inputs = {name: torch.from_numpy(one) for name, one in zip(names, arrays, strict=True)}
    free = {2: {0: "batch", 1: "tokens"}, 4: {0: "batch"}}  # axes, by rank
    axes = {name: free[one.ndim] for name, one in inputs.items()} | {output: {0: "batch"}}
    with _unfused(), torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: `_check` compares what came of it
        trace(session.graph(), inputs, output, axes, target)


@contextmanager
def _unfused() -> Iterator[None]:
    """torch's fused attention has no ONNX operator; without it the same sums run one by one."""
    import torch

    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _files(model: TwoTowers, source: Path, folder: Path) -> None:
    """The checkpoint's own settings, its logits as numbers, and a card."""
    for path in own_files(source):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    config_file = folder / "config.json"
    config = json.loads(config_file.read_text("utf-8")) if config_file.is_file() else {}
    config |= {"logit_scale": model.logit_scale, "logit_bias": model.logit_bias}
    config |= {"projection_dim": model.dimensions}
    config_file.write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", "utf-8")
    (folder / "README.md").write_text(_card(model), "utf-8")


def own_files(source: Path) -> Iterator[Path]:
    """A checkpoint's settings, tokenizer and licence: all but weights, card and pictures."""
    for path in sorted(source.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
        kept = path.suffix in _KEPT and not path.name.endswith(".index.json")
        if path.is_file() and not hidden and (kept or path.name.startswith("LICENSE")):
            yield path


def _card(model: TwoTowers) -> str:
    origin = model.provenance
    return (
        f"# {origin.model}, as ONNX\n\n"
        f"- from `{origin.model}`, revision `{origin.revision}`\n"
        f"- licence of the weights: {origin.licence or 'not stated here: see the original'}\n"
        f"- written by sensorium {__version__}; the weights are the original's\n"
        f"- vectors of {model.dimensions} numbers; pictures of {model.image_size} pixels\n"
    )


def _check(before: TwoTowers, after: DualTower) -> None:
    """A float export that gives other vectors than its original is not handed out."""
    noise = list(np.random.default_rng(1).integers(0, 256, (3, 240, 320, 3), dtype=np.uint8))
    texts = ["a", "two dogs run on grass", "a photo"]
    off = max(
        float(np.abs(before.embed_images(noise) - after.embed_images(noise)).max()),
        float(np.abs(before.embed_texts(texts) - after.embed_texts(texts)).max()),
    )
    if not off <= _TOLERANCE:
        raise SensoriumError(
            "the export does not give the vectors of its original",
            why=f"they differ by up to {off:.2g}, more than {_TOLERANCE:g}",
            hint="please report the model and the versions of torch and transformers",
        )


@contextmanager
def _torch_errors() -> Iterator[None]:
    """What is missing is said with the command that brings it."""
    try:
        yield
    except ImportError as error:
        raise SensoriumError(
            "exporting needs packages that are not here",
            why=f"{error.name or error} is not installed",
            hint='pip install "sensorium[torch]"',
        ) from error
