"""A Session over torch: the only file outside training that imports torch, transformers and
open_clip. Imported late, by a family whose checkpoint has no ONNX files."""

import json
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError, ModelMissing, SensoriumError, first_line
from sensorium.runtime.devices import Device, threads
from sensorium.runtime.hub import commit_of, repo_folder
from sensorium.runtime.session import Arrays
from sensorium.spec import HubRepo

try:
    import torch
    import transformers
except ImportError as error:
    raise SensoriumError(
        "this checkpoint needs PyTorch",
        why=f"it has weights but no ONNX files, and {error.name or error} is not installed",
        hint='pip install "sensorium[torch]"',
    ) from error

_BROKEN = (OSError, ValueError, RuntimeError, UnpicklingError)
_DEVICES = {Device.CPU: "cpu", Device.CUDA: "cuda"}


class TorchSession:
    """One method of a module as a graph: named arrays in, one output out."""

    def __init__(
        self, module: Any, method: str, inputs: tuple[str, ...], output: str, device: Device
    ) -> None:
        """method: takes tensors named `inputs`; gives a tensor, or transformers' output whose
        `pooler_output`, or else `logits`, is the one."""
        self.module = module
        self.inputs = inputs
        self.outputs: tuple[str, ...] = (output,)
        self._method = getattr(module, method)
        self._device = _device(device)

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        with torch.inference_mode():
            tensors = (
                torch.from_numpy(np.ascontiguousarray(feeds[name])).to(self._device)
                for name in self.inputs
            )
            value = self.embedding(*tensors).float().cpu().numpy()
        return {self.outputs[0]: value}

    def embedding(self, *tensors: Any) -> Any:
        """The output as a tensor of torch."""
        value = self._method(**dict(zip(self.inputs, tensors, strict=True)))
        named = (getattr(value, name, None) for name in ("pooler_output", "logits"))
        return next((one for one in named if one is not None), value)

    def graph(self) -> Any:
        """A module whose forward takes the inputs in order and gives the output: for an export."""
        # The exporter gives a module back in the mode it came in: one in training mode would leave
        # the live model with its dropout on.
        return _Graph(self).eval()


class _Graph(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, session: TorchSession) -> None:
        super().__init__()
        self.module = session.module
        self._session = session

    def forward(self, *tensors: Any) -> Any:
        return self._session.embedding(*tensors)


def load_transformers(folder: Path, name: str, device: Device) -> Any:
    """The class `name` of transformers with the folder's weights, in float32, ready to infer.

    Runs no code of the checkpoint, unpickles nothing but tensors, asks no server.
    """
    where = _device(device)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(threads())
    try:
        model = getattr(transformers, name).from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            dtype=torch.float32,
        )
    except _BROKEN as error:
        raise InputError(f"{folder} cannot be opened as {name}", _reason(error)) from error
    return model.eval().to(where)


def load_open_clip(folder: Path, device: Device) -> Any:
    """OpenCLIP's model of a folder with `open_clip_config.json`, in float32, ready to infer.

    A text tower of transformers (XLM-RoBERTa, NLLB) is built from its own repository's config,
    which `models pull` brings; ModelMissing where it is not in the Hub's cache.
    """
    try:
        import open_clip
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision for another torch
        raise SensoriumError(
            "this checkpoint needs open_clip",
            why=f"it has weights but no ONNX files, and open_clip fails: {first_line(error)}",
            hint="pip install open_clip_torch",
        ) from error
    torch.set_num_threads(threads())
    try:
        model = open_clip.create_model(
            f"local-dir:{folder}",
            device=_device(device),
            require_pretrained=True,
            pretrained_text=False,
            pretrained_image=False,
            weights_only=True,
            **_text_tower(folder),
        )
    except _BROKEN as error:
        raise InputError(f"{folder} cannot be opened by open_clip", _reason(error)) from error
    return model.eval()


def _text_tower(folder: Path) -> dict[str, Any]:
    """What to say of a text tower of transformers, so that its config is read from this machine:
    by name it would be asked of the Hub."""
    config = json.loads((folder / "open_clip_config.json").read_text("utf-8"))
    says = config.get("model_cfg", {}).get("text_cfg", {})
    name = says.get("hf_model_name")
    if not name:
        return {}
    spec = HubRepo(name)
    here = Path(name) if Path(name).is_dir() else repo_folder(name) / "snapshots" / commit_of(spec)
    if not (here / "config.json").is_file():
        raise ModelMissing(
            f"the text tower's config is not on this machine: {name}",
            why=f"{folder} names it and leaves it out",
            hint=f"sensorium models pull the model again, or hf download {name} config.json",
        )
    return {"text_cfg": {**says, "hf_model_name": str(here), "hf_model_pretrained": False}}


def scalar(module: Any, name: str) -> float | None:
    """A parameter of one number, None where the module has none of that name."""
    value = getattr(module, name, None)
    return None if value is None else float(value.detach().float().cpu().reshape(()))


def _device(device: Device) -> str:
    if device not in _DEVICES:
        raise InputError(f"torch does not run on {device}", hint="export it to ONNX first")
    if device is Device.CUDA and not torch.cuda.is_available():
        raise InputError("torch finds no CUDA here", hint="--device cpu")
    return _DEVICES[device]


def _reason(error: Exception) -> str:
    if isinstance(error, UnpicklingError):
        return "its weights are a pickle of more than tensors, which could run code: refused"
    return first_line(error)
