"""A trained network as an ONNX graph, checked against torch before it is kept."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sensorium.errors import Internal
from sensorium.results import write_whole
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.image import Resample
from sensorium.train.pixels import MEAN, STD

_TOLERANCE = 1e-3
FIGURES = "figures.json"
Axes = Mapping[str, Mapping[int, str]]


def trace(
    module: torch.nn.Module, inputs: Mapping[str, Tensor], output: str, axes: Axes, path: Path
) -> None:
    """Write what `module(*inputs)` does as a graph; see `export_graph`, which also compares."""
    torch.onnx.export(
        module,
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=[output],
        dynamic_axes={name: dict(free) for name, free in axes.items()},
        opset_version=17,
        dynamo=False,  # the newer exporter needs a package more, and gives the same vectors
    )


def export_graph(
    module: torch.nn.Module, inputs: Mapping[str, Tensor], output: str, axes: Axes, path: Path
) -> None:
    """Write `module(*inputs)` as a graph.

    inputs: an example by name, of at least two rows. axes: of inputs and output, which are free,
    as torch.onnx names them. Raises Internal where the graph computes otherwise than the module.
    """
    module = module.eval().to("cpu")
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: what came of it is compared below
        trace(module, inputs, output, axes, path)
        wanted = module(*inputs.values()).numpy()
    feeds = {name: value.numpy() for name, value in inputs.items()}
    difference = float(np.abs(OnnxSession(path).run(feeds)[output] - wanted).max())
    if difference > _TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        path.unlink()
        raise Internal(f"{path.name} differs from its network by {difference:.2g}")


def write_config(out: Path, config: Mapping[str, Any]) -> None:
    """`config.json`, by which the folder is opened."""
    text = json.dumps(config, ensure_ascii=False, indent=2)
    (out / "config.json").write_text(text + "\n", "utf-8")


def write_figures(out: Path, figures: object) -> None:
    """`figures.json`, what was measured."""
    write_whole(out / FIGURES, (json.dumps(figures, indent=1) + "\n").encode())


def picture_config(size: int, resample: Resample) -> dict[str, Any]:
    """How pictures were prepared: the whole picture squeezed to a square, scaled to 0 to 1."""
    return {
        "size": size,
        "resize": "squeeze",
        "resample": int(resample),
        "mean": [MEAN] * 3,
        "std": [STD] * 3,
    }
