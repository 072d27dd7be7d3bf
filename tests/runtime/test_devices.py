from pathlib import Path

import pytest

from sensorium.errors import InputError
from sensorium.runtime.devices import Device, chosen, threads
from sensorium.runtime.onnx import available, require


def test_the_environment_then_the_settings_then_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path))
    monkeypatch.delenv("SENSORIUM_DEVICE", raising=False)
    assert chosen() is Device.CPU
    (tmp_path / "settings.toml").write_text('device = "coreml"\n')
    assert chosen() is Device.COREML
    monkeypatch.setenv("SENSORIUM_DEVICE", "cuda")
    assert chosen() is Device.CUDA
    monkeypatch.setenv("SENSORIUM_DEVICE", "abacus")
    with pytest.raises(InputError, match="abacus"):
        chosen()


def test_a_device_that_is_not_here_is_refused_not_replaced() -> None:
    require(Device.CPU)
    missing = next(one for one in Device if one not in available())
    with pytest.raises(InputError, match=f"no {missing} here"):
        require(missing)


def test_at_least_one_thread() -> None:
    assert threads() >= 1
