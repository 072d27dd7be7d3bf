"""What everything on a shelf keeps to, whoever wrote it: tasks, families, verbs, results."""

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, get_args

import pytest
from PIL import Image, ImageDraw, ImageFont

from sensorium.errors import SensoriumError
from sensorium.models import FAMILIES
from sensorium.results import AnyResult, Result
from sensorium.roles import ROLES
from sensorium.runtime.catalogue import BUILTIN, catalogue
from sensorium.surfaces.cli._app import VERBS, load, run
from sensorium.task import Call
from sensorium.tasks import TASKS

ROOT = Path(__file__).parent.parent
HEAVY = "numpy PIL av faiss onnxruntime torch transformers tokenizers huggingface_hub typer rich"
tasks = pytest.mark.parametrize("name", TASKS.own)


def child(code: str, *flags: str) -> str:
    """What a Python of its own prints for `code`."""
    command = [sys.executable, *flags, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def cost(code: str) -> float:
    """Seconds of a core that a Python of its own takes for `code`; others' load does not count."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
    _, status, used = os.wait4(pid, 0)
    assert status == 0
    return used.ru_utime + used.ru_stime


@pytest.mark.skipif(sys.platform == "win32", reason="wait4 is a Unix call")
def test_importing_the_package_costs_little() -> None:
    rounds = [(cost("import sensorium"), cost("pass")) for _ in range(9)]
    assert median(whole for whole, _ in rounds) - median(bare for _, bare in rounds) < 0.06


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, sensorium; dir(sensorium); print(*set({HEAVY.split()}) & set(sys.modules))"
    assert child(code).split() == []


def test_help_loads_no_more_than_it_shows() -> None:
    code = (
        "import sys; from sensorium.surfaces.cli._app import run; run(['--help']);"
        "sys.stdout.write(' '.join(['MODULES', *sys.modules]))"
    )
    loaded = set(child(code).split("MODULES")[1].split())
    assert not loaded & {"numpy", "PIL", "av", "faiss", "onnxruntime", "torch", "sensorium.task"}


def test_names_on_shelves_cost_no_import() -> None:
    code = (
        "import sys; from sensorium.tasks import TASKS; from sensorium.models import FAMILIES;"
        "names = [*TASKS, *FAMILIES]; assert 'search' in names;"
        "shelves = ('sensorium.tasks.', 'sensorium.models.');"
        "print(*(name for name in sys.modules if name.startswith(shelves)))"
    )
    assert child(code).split() == []


@tasks
def test_a_task_says_what_it_is(name: str) -> None:
    task = TASKS[name]
    assert task.name == name and task.summary.endswith(".") and task.example
    assert TASKS.summary(name) == task.summary  # read without importing, the same
    assert task.result in get_args(AnyResult)
    for option in task.options:
        assert option.help, f"{name} {option.flag} says nothing of itself"
    for resource in task.resources:
        assert resource.opened.kind != "model" or resource.type in ROLES.values()


@tasks
def test_a_task_crosses_to_another_process_by_name(name: str) -> None:
    there = pickle.loads(pickle.dumps(Call(TASKS[name], {"k": 3})))
    assert there.task is TASKS[name] and there.options == {"k": 3}


@tasks
def test_every_option_is_on_the_page_of_the_command_line(name: str) -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    section = page.split(f"## sensorium {name}\n")[1].split("\n## ")[0]
    flags = {flag for param in load(name).params for flag in param.opts if flag.startswith("-")}
    assert flags and not [flag for flag in flags if flag not in section]


def test_generated_files_are_fresh() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.skipif(not (BUILTIN / "dual-tower").is_dir(), reason="no built-in model in this tree")
@tasks
def test_every_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "read":
        pytest.importorskip("rapidocr")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path / "home"))
    picture = Image.new("RGB", (320, 200), (90, 160, 230))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 120, 320, 200), fill=(230, 210, 150))
    pen.text((60, 40), "BEACH", font=ImageFont.load_default(48), fill="black")
    for file in ("beach.jpg", "sign.jpg"):
        picture.save(file)
    assert run(["index", "."]) == 0
    capsys.readouterr()
    assert run([name, *TASKS[name].example, "--json"]) == 0, capsys.readouterr().err
    assert isinstance(Result.from_json(capsys.readouterr().out), TASKS[name].result)


@pytest.mark.parametrize("name", FAMILIES.own)
def test_a_family_serves_known_roles(name: str) -> None:
    family = FAMILIES[name]
    assert family.name.replace("_", "-") == name
    assert set(family.roles) <= set(ROLES.values()) and family.roles


@pytest.mark.parametrize("name", catalogue())
def test_a_row_of_the_catalogue_says_where_it_is_and_on_what_terms(name: str) -> None:
    row = catalogue()[name]
    assert row.licence and set(row.serves) <= set(ROLES)
    assert sum(map(bool, (row.folder, row.spec, row.package))) == 1
    assert not row.extra or row.package


def leaves(command: Any, above: str) -> list[tuple[str, Any]]:
    """Every command below a group, with its path."""
    if not hasattr(command, "list_commands"):
        return [(above, command)]
    context = command.make_context(above, [], resilient_parsing=True)
    found = []
    for name in command.list_commands(context):
        with suppress(SensoriumError):  # a recipe where there is no torch
            _, one, _ = command.resolve_command(context, [name])
            found += leaves(one, f"{above} {name}")
    return found


@pytest.mark.parametrize("name", VERBS.own)
def test_a_verb_has_help_and_the_options_of_all(name: str) -> None:
    assert VERBS.summary(name).endswith(".")
    for path, command in leaves(load(name), name):
        flags = {flag for param in command.params for flag in param.opts}
        assert {"--json", "-v", "--device"} <= flags, path
        assert command.help, path
