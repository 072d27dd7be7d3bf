"""Weights through torch: pickles of tensors yes, pickles of code no, and a word where it is not."""

import importlib.util
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError, SensoriumError
from sensorium.runtime.devices import Device

here = importlib.util.find_spec("torch") is not None
with_torch = pytest.mark.skipif(not here, reason="needs torch")
CONFIG = {
    "model_type": "clip",
    "projection_dim": 8,
    "text_config": {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 20,
        "max_position_embeddings": 8,
        "eos_token_id": 19,
    },
    "vision_config": {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 16,
        "patch_size": 8,
    },
}


@pytest.mark.skipif(here, reason="torch is installed")
def test_without_torch_the_hint_is_the_extra() -> None:
    with pytest.raises(SensoriumError, match="PyTorch") as told:
        importlib.import_module("sensorium.runtime.torch")
    assert told.value.hint == 'pip install "sensorium[torch]"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


def write_weights(folder: Path) -> Any:
    import torch
    from transformers import CLIPConfig, CLIPModel

    module = CLIPModel(CLIPConfig.from_dict(CONFIG))
    torch.save(module.state_dict(), folder / "pytorch_model.bin")
    return module.eval()


@with_torch
def test_pickled_tensors_are_read(folder: Path) -> None:
    import torch

    from sensorium.runtime.torch import TorchSession, load_transformers, scalar

    module = write_weights(folder)
    made = load_transformers(folder, "CLIPModel", Device.CPU)
    session = TorchSession(made, "get_image_features", ("pixel_values",), "made", Device.CPU)
    pixels = np.random.default_rng(0).normal(size=(2, 3, 16, 16)).astype(np.float32)
    with torch.inference_mode():
        expected = module.get_image_features(pixel_values=torch.from_numpy(pixels)).pooler_output
    vectors = session.run({"pixel_values": pixels})["made"]
    np.testing.assert_allclose(vectors, expected.numpy(), atol=1e-5)
    assert scalar(made, "logit_scale") == pytest.approx(2.6592)
    assert scalar(made, "logit_bias") is None


class Attack:
    """What runs when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@with_torch
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_of_code_is_refused_and_not_run(folder: Path, zipped: bool) -> None:
    import torch

    from sensorium.runtime.torch import load_transformers

    target = folder / "ran"
    attack = {"weight": Attack(target)}
    if zipped:
        torch.save(attack, folder / "pytorch_model.bin")
    else:
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(attack))
    with pytest.raises(InputError, match="more than tensors"):
        load_transformers(folder, "CLIPModel", Device.CPU)
    assert not target.exists()


@with_torch
def test_code_of_a_checkpoint_is_not_run(folder: Path) -> None:
    from sensorium.runtime.torch import load_transformers

    write_weights(folder)
    target = folder / "ran"
    (folder / "modeling.py").write_text(f"import os\nos.mkdir({str(target)!r})\n")
    config = CONFIG | {"auto_map": {"AutoModel": "modeling.Model", "AutoConfig": "modeling.C"}}
    (folder / "config.json").write_text(json.dumps(config))
    load_transformers(folder, "CLIPModel", Device.CPU)
    assert not target.exists()


@with_torch
def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    from sensorium.runtime.torch import load_transformers

    with pytest.raises(InputError, match="cannot be opened"):
        load_transformers(folder, "CLIPModel", Device.CPU)
    with pytest.raises(InputError, match="does not run on directml"):
        load_transformers(folder, "CLIPModel", Device.DIRECTML)
