"""Settings: what a person wrote stays; what is chosen is there."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.runtime.home import choose, home, settings

WRITTEN = """# mine
device = "cpu"   # not cuda

[models]
# the good one
dual-tower = "hf:a/b"
reader = 'reader'

[other]
dual-tower = 1
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path / "home"))


def test_without_a_file_nothing_is_set_and_the_first_choice_makes_it() -> None:
    assert settings() == {}
    choose("models", "dual-tower", "hf:org/repo@rev")
    assert settings() == {"models": {"dual-tower": "hf:org/repo@rev"}}


def test_the_rest_of_the_file_stays_as_it_is() -> None:
    home().mkdir(parents=True)
    path = home() / "settings.toml"
    path.write_text(WRITTEN, "utf-8")
    choose("models", "dual-tower", 'dir:C:\\模型\\"x"')
    changed = path.read_text("utf-8")
    assert (
        changed.replace('dual-tower = "dir:C:\\\\模型\\\\\\"x\\""', 'dual-tower = "hf:a/b"')
        == WRITTEN
    )
    choose("models", "captioner", "hf:c/d")
    choose("new", "key", "value")
    expected = tomllib.loads(WRITTEN)
    expected["models"] |= {"dual-tower": 'dir:C:\\模型\\"x"', "captioner": "hf:c/d"}
    assert settings() == expected | {"new": {"key": "value"}}


@pytest.mark.parametrize("text", ["models = {dual-tower = 'x'}\n", "models.dual-tower = 'x'\n"])
def test_a_form_that_we_do_not_write_is_left_alone(text: str) -> None:
    home().mkdir(parents=True)
    path = home() / "settings.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        choose("models", "dual-tower", "hf:a/b")
    assert path.read_text("utf-8") == text


def test_a_broken_file_is_not_written_over() -> None:
    home().mkdir(parents=True)
    path = home() / "settings.toml"
    path.write_text("[models\n", "utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        choose("models", "dual-tower", "hf:a/b")
    assert path.read_text("utf-8") == "[models\n"


@given(value=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_any_value_comes_back(value: str) -> None:
    choose("models", "dual-tower", value)
    assert settings()["models"]["dual-tower"] == value
