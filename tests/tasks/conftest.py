"""Small real models of what is felt, and media for them: squares of colour are faces, tones are
voices, each colour and each pitch a feeling; words of a lexicon carry theirs."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def small() -> ModuleType:
    """The module `small_models.py` beside this file, which a process of its own can load too."""
    path = Path(__file__).with_name("small_models.py")
    spec = importlib.util.spec_from_file_location("small_models", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["small_models"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees what is kept on this machine."""
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
