"""A Session over ONNX Runtime: the only file that imports onnxruntime."""

import ctypes
import logging
import threading
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.runtime.devices import Device, threads
from sensorium.runtime.session import Arrays

_PROVIDERS = {
    Device.CPU: ["CPUExecutionProvider"],
    Device.CUDA: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    Device.COREML: ["CoreMLExecutionProvider", "CPUExecutionProvider"],
    Device.DIRECTML: ["DmlExecutionProvider", "CPUExecutionProvider"],
}
_NUMPY: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


class OnnxSession:
    """Loads its file when it is first asked for something: who searches by words needs no tower
    for pictures, and a tower is most of the time that a search takes."""

    def __init__(self, path: Path, device: Device = Device.CPU, cores: int = 0) -> None:
        """`cores` threads in one call, 0 for all that this process may use."""
        require(device)
        if not path.is_file():
            raise InputError(f"{path} cannot be opened", "there is no such file")
        self.path = path
        self._device = device
        self._cores = cores
        self._loading = threading.Lock()
        self._loaded: ort.InferenceSession | None = None

    @property
    def _session(self) -> ort.InferenceSession:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
        return self._loaded

    def _load(self) -> ort.InferenceSession:
        ort.disable_telemetry_events()  # it may have been imported before us, reporting
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._cores or threads()
        options.inter_op_num_threads = 1
        # Spinning threads wait faster and burn a core that the decoders need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            session = ort.InferenceSession(str(self.path), options, _PROVIDERS[self._device])
        except Exception as error:  # onnxruntime raises its own classes, none of them public
            raise InputError(f"{self.path} cannot be opened", str(error).splitlines()[0]) from error
        _return_memory()
        return session

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        return tuple(one.name for one in self._session.get_inputs())

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        return tuple(one.name for one in self._session.get_outputs())

    @cached_property
    def input_types(self) -> dict[str, str]:
        """Input name → ONNX type, `tensor(float)` say."""
        return {one.name: one.type for one in self._session.get_inputs()}

    @cached_property
    def input_shapes(self) -> dict[str, tuple[int | str | None, ...]]:
        """Input name → sides; a free one is a name or None."""
        return {one.name: tuple(one.shape) for one in self._session.get_inputs()}

    @cached_property
    def output_shapes(self) -> dict[str, tuple[int | str | None, ...]]:
        """Output name → sides; a free one is a name or None."""
        return {one.name: tuple(one.shape) for one in self._session.get_outputs()}

    @cached_property
    def fixed_batch(self) -> int:
        """Rows that a graph takes at once where it was exported so, 0 where any number will do."""
        rows = self._session.get_inputs()[0].shape[0]
        return rows if isinstance(rows, int) and rows > 0 else 0

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        """Every output by name; feeds are cast to the graph's own types (int32 ids, float16)."""
        cast = {
            name: array.astype(_NUMPY.get(self.input_types[name], array.dtype), copy=False)
            for name, array in feeds.items()
        }
        if not self.fixed_batch:
            return dict(zip(self.outputs, self._session.run(None, cast), strict=True))
        rows = len(next(iter(cast.values())))
        parts = [self._part(cast, start) for start in range(0, rows, self.fixed_batch)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.outputs}

    def _part(self, feeds: Arrays, start: int) -> dict[str, NDArray[Any]]:
        """One batch of a graph of fixed batch; the last is filled up with its first row."""
        part = {name: array[start : start + self.fixed_batch] for name, array in feeds.items()}
        kept = len(next(iter(part.values())))
        if missing := self.fixed_batch - kept:
            part = {
                name: np.concatenate([array, np.repeat(array[:1], missing, axis=0)])
                for name, array in part.items()
            }
        values = self._session.run(None, part)
        return {name: value[:kept] for name, value in zip(self.outputs, values, strict=True)}


def _return_memory() -> None:
    """To the system, where glibc keeps it: a graph of packed weights is unpacked in many steps, and
    what they freed would stay, 340 MB for one of 15."""
    with suppress(OSError, AttributeError, TypeError):  # no glibc here
        ctypes.CDLL(None).malloc_trim(0)


def require(device: Device) -> None:
    """Raises InputError where this build of ONNX Runtime cannot use `device`: left to itself it
    would go on with the CPU and a warning."""
    if device not in available():
        raise InputError(
            f"there is no {device} here",
            why=f"this ONNX Runtime runs on {', '.join(available())}",
            hint="pip install onnxruntime-gpu" if device is Device.CUDA else "--device cpu",
        )


def available() -> tuple[Device, ...]:
    """Devices that this build of ONNX Runtime can use, the fastest first."""
    built = set(ort.get_available_providers())
    order = (Device.CUDA, Device.COREML, Device.DIRECTML, Device.CPU)
    return tuple(device for device in order if _PROVIDERS[device][0] in built)


def quantize(source: Path, target: Path) -> None:
    """Write `source` with its weights as int8, one scale a channel; activations are quantized as
    they come. Convolutions stay as they are: ONNX Runtime has no fast int8 kernel for them."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it advises a step that these graphs gain nothing from
    try:
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    finally:
        logging.disable(logging.NOTSET)
