"""A Session over ONNX Runtime: the only file that imports onnxruntime."""

from functools import cached_property
from pathlib import Path
from typing import Any

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


class OnnxSession:
    def __init__(self, path: Path, device: Device = Device.CPU, cores: int = 0) -> None:
        """Load `path`; `cores` threads in one call, 0 for all that this process may use."""
        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        options.intra_op_num_threads = cores or threads()
        options.inter_op_num_threads = 1
        # Spinning threads wait faster and burn a core that the decoders need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, _PROVIDERS[device])
        except Exception as error:  # onnxruntime raises its own classes, none of them public
            raise InputError(f"{path} cannot be opened", str(error).splitlines()[0]) from error
        self.inputs = tuple(one.name for one in self._session.get_inputs())
        self.outputs = tuple(one.name for one in self._session.get_outputs())

    @cached_property
    def input_types(self) -> dict[str, str]:
        """Input name → ONNX type, `tensor(float)` say."""
        return {one.name: one.type for one in self._session.get_inputs()}

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        values = self._session.run(None, dict(feeds))
        return dict(zip(self.outputs, values, strict=True))


def available() -> tuple[Device, ...]:
    """Devices that this build of ONNX Runtime can use, the fastest first."""
    built = set(ort.get_available_providers())
    order = (Device.CUDA, Device.COREML, Device.DIRECTML, Device.CPU)
    return tuple(device for device in order if _PROVIDERS[device][0] in built)
