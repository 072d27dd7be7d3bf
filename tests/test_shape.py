"""The shape of the house: floors, homes of heavy imports, sizes. See ARCHITECTURE.md."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "sensorium"
FILES = sorted(path for path in SRC.rglob("*.py"))
FLOORS: dict[str, int] = {
    room: floor
    for floor, rooms in enumerate(
        (
            "errors version groups",
            "media spec",
            "results signal",
            "roles shelf metrics runtime flow views parameter",
            "models",
            "task index",
            "tasks evaluate train",
            "surfaces",
        )
    )
    for room in rooms.split()
}
HOMES: dict[str, tuple[str, ...]] = {
    "onnxruntime": ("runtime/onnx.py",),
    "torch": ("runtime/torch.py", "train/"),
    "transformers": ("runtime/torch.py", "train/"),
    "onnx": ("train/",),
    "peft": ("train/begin/lora.py",),
    "timm": ("train/begin/encoders.py",),
    # cells.py has what vectors.py does without: its exact search stays one file that a head holds.
    "faiss": ("index/vectors.py", "index/cells.py"),
    "av": ("media/",),
    "rawpy": ("media/",),
    "pillow_heif": ("media/",),
    "PIL": ("media/", "signal/", "views/", "train/"),
    "pyarrow": ("evaluate/", "train/", "index/export.py"),
    "rapidocr": ("models/rapidocr.py",),
    "cv2": ("models/haar.py",),
    "tokenizers": ("models/", "train/"),
    "huggingface_hub": ("runtime/pull.py",),
    "typer": ("surfaces/cli/",),
    "rich": ("surfaces/cli/", "views/terminal.py", "views/terminal_timeline.py"),
}
# A result's `_repr_html_` reaches the views above it, late: a notebook asks the value itself.
UPWARDS = {("results/result.py", "views")}


def name_of(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    for module in imports(path):
        assert module != "sensorium", f"{name_of(path)} imports the package root"
        if not module.startswith("sensorium."):
            continue
        other = module.split(".")[1]
        if other == room or (name_of(path), other) in UPWARDS:
            continue
        assert FLOORS[other] < FLOORS[room], f"{name_of(path)} ({room}) imports {module}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_heavy_imports_have_homes(path: Path) -> None:
    for module in imports(path):
        homes = HOMES.get(module.split(".")[0])
        at_home = homes is None or name_of(path).startswith(homes)
        assert at_home, f"{name_of(path)} imports {module}, whose home is {homes}"


def takes_options(path: Path) -> bool:
    """Parameters of tasks and verbs are options of people, who may have many."""
    verb = name_of(path).startswith("surfaces/cli/") and not path.name.startswith("_")
    return verb or room_of(path) == "tasks"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_sizes(path: Path) -> None:
    lines = path.read_text("utf-8").count("\n")
    assert lines <= 400, f"{name_of(path)} has {lines} lines"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            where = f"{name_of(path)}:{node.lineno} {node.name}"
            assert length <= 50, f"{where} has {length} lines"
            if not takes_options(path):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                own = [one for one in arguments if one.arg not in ("self", "cls")]
                assert len(own) <= 7, f"{where} has {len(own)} parameters"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_surfaces_print_or_exit(path: Path) -> None:
    if room_of(path) == "surfaces":
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "exit", "quit", "input"), name_of(path)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("sys", "exit"), name_of(path)
