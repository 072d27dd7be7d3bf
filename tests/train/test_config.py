from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensorium.errors import InputError, NotFound
from sensorium.task import Range
from sensorium.train.config import changed, fields_of, read_config, write_toml
from sensorium.train.options import Options


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    width: Annotated[int, Range(8, 64), "Numbers."] = 16
    bold: Annotated[bool, "Or not."] = False
    start: Annotated[str, "A file."] = ""


NEEDED = {"data": ["a", "b"], "out": "folder"}


def test_fields_before_the_file_before_defaults(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('recipe = "x"\ndata = ["a"]\nout = "there"\nsteps = 7\nlr = 1\nbold = true\n')
    config = read_config(Config, path, {"steps": "9", "validate-every": 3})
    assert config.steps == 9
    assert config.lr == 1.0
    assert isinstance(config.lr, float)
    assert config.validate_every == 3
    assert config.bold
    assert config.out == Path("there")
    assert config.width == 16


def test_a_home_that_no_shell_has_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "run.toml"
    path.write_text('data = ["~/photos", "hf:a/b"]\nout = "~/mine"\n')
    config = read_config(Config, path, {"val": "~/held"})
    assert config.data == (str(tmp_path / "photos"), "hf:a/b")
    assert config.val == (str(tmp_path / "held"),)
    assert config.out == tmp_path / "mine"
    assert config == Config(data=("~/photos", "hf:a/b"), val=("~/held",), out=Path("~/mine"))


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("steps", "many", "whole number"),
        ("steps", 1.5, "whole number"),
        ("steps", 0, "1 to"),
        ("width", 7, "8 to 64"),
        ("lr", "fast", "number"),
        ("precision", "fp8", "fp32, bf16"),
        ("device", "tpu", "one of cpu, cuda"),
        ("bold", "perhaps", ""),
    ],
)
def test_what_a_field_may_be(field: str, value: Any, why: str) -> None:
    with pytest.raises(InputError, match=f"--{field}") as raised:
        read_config(Config, None, NEEDED | {field: value})
    assert why in raised.value.why


def test_what_is_missing_or_unknown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--data and --out must be given") as bare:
        read_config(Config, None, {})
    assert bare.value.hint.startswith("--data: A file, a folder")
    with pytest.raises(InputError, match="“widht”") as raised:
        read_config(Config, None, NEEDED | {"widht": 9})
    assert raised.value.hint.startswith("width")
    path = tmp_path / "run.toml"
    with pytest.raises(NotFound):
        read_config(Config, path, NEEDED)
    path.write_text("steps = ")
    with pytest.raises(InputError, match="not TOML"):
        read_config(Config, path, NEEDED)
    path.write_text("stesp = 3")
    with pytest.raises(InputError, match="stesp") as slip:
        read_config(Config, path, NEEDED)
    assert slip.value.why == f"it stands in {path}"
    assert slip.value.hint.startswith("steps")


@given(
    st.tuples(st.text(max_size=9).filter(lambda one: one.isprintable())),
    st.floats(0, 10, allow_subnormal=False),
    st.booleans(),
    st.integers(8, 64),
)
@example(data=("~/",), lr=0.0, bold=False, width=8)
def test_a_run_is_written_down_whole(
    tmp_path_factory: pytest.TempPathFactory,
    data: tuple[str, ...],
    lr: float,
    bold: bool,
    width: int,
) -> None:
    config = Config(data=data, out=Path("x y"), lr=lr, bold=bold, width=width, start='"\\')
    path = tmp_path_factory.mktemp("run") / "run.toml"
    path.write_text(write_toml("recipe", config), "utf-8")
    assert read_config(Config, path, {}) == config
    assert changed(path, "recipe", config) == []
    assert changed(path, "other", config) == ["recipe"]


def test_every_field_has_a_line_of_help() -> None:
    assert all(option.help for option in fields_of(Config))
