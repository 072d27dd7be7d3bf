"""A shelf: a folder as a mapping. One file is one thing, and there is no list to edit.

Names cost no import; a file is imported when its thing is asked for. Other packages put theirs on
the shelf through an entry point, and a broken guest fails alone, when it is asked for by name.
"""

import ast
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Generic, TypeVar

from sensorium.errors import NotFound, SensoriumError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Shelf(Mapping[str, T], Generic[T]):
    """The modules of `package` whose names do not begin with `_`, then guests.

    take: makes the thing out of its module. Underscores in a file's name are dashes in the thing's.
    """

    def __init__(self, package: str, take: Callable[[ModuleType], T]) -> None:
        self._package = package
        self._take = take
        self._taken: dict[str, T] = {}

    @cached_property
    def own(self) -> tuple[str, ...]:
        """Names of the shelf's own things, sorted."""
        found = pkgutil.iter_modules([str(folder) for folder in self._folders])
        return tuple(sorted(m.name.replace("_", "-") for m in found if m.name[0] != "_"))

    @cached_property
    def _folders(self) -> tuple[Path, ...]:
        spec = importlib.util.find_spec(self._package)  # imports the parent, not the package
        assert spec is not None and spec.submodule_search_locations is not None
        return tuple(Path(folder) for folder in spec.submodule_search_locations)

    def summary(self, name: str) -> str:
        """A line about one thing, without importing it: the head of its file's docstring, else of
        the docstring of the file's first decorated function; of a guest, who brings it."""
        if name in self.guests:
            guest = self.guests[name]
            return f"from {guest.dist.name if guest.dist else guest.module}"
        stem = name.replace("-", "_")
        files = [f for folder in self._folders for f in (folder / f"{stem}.py", folder / stem)]
        path = next(file for file in files if file.exists())
        tree = ast.parse((path / "__init__.py" if path.is_dir() else path).read_text("utf-8"))
        decorated = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.decorator_list)
        nodes: list[ast.Module | ast.FunctionDef] = [tree, *decorated]
        words = (ast.get_docstring(node) for node in nodes)
        return next((found for found in words if found), "").partition("\n")[0]

    @cached_property
    def guests(self) -> "dict[str, EntryPoint]":
        """Names that other packages add; a name of ours is never taken over."""
        from importlib.metadata import entry_points  # late: it loads `email`, and few ask

        points = entry_points(group=self._package)
        return {point.name: point for point in points if point.name not in self.own}

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from self.guests

    def __len__(self) -> int:
        return len(self.own) + len(self.guests)

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self.guests

    def __getitem__(self, name: str) -> T:
        if name not in self._taken:
            self._taken[name] = self._take(self._module(name))
        return self._taken[name]

    def _module(self, name: str) -> ModuleType:
        if name in self.own:
            return importlib.import_module(f"{self._package}.{name.replace('-', '_')}")
        if name not in self.guests:
            raise NotFound(f"there is no “{name}” among {self._package}", hint=", ".join(self))
        guest = self.guests[name]
        try:
            module = guest.load()
        except Exception as error:  # whatever a stranger's module does is its own command's failure
            owner = guest.dist.name if guest.dist else guest.module
            raise SensoriumError(
                f"“{name}” cannot be loaded",
                why=f"{owner} failed: {type(error).__name__}: {error}",
                hint=f"pip install --upgrade {owner}, or uninstall it",
            ) from error
        assert isinstance(module, ModuleType), f"entry point {name} must name a module"
        return module
