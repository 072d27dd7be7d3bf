"""@task: reads a task's contract off a typed function, so that every surface can offer it.

Positional parameters are items (Media, or any type with a class method `of`); keyword-only ones are
options, or things that are opened for the call (a model for a role, a library).
"""

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, get_args, get_origin, get_type_hints

from sensorium.errors import InputError
from sensorium.flow import Flow, Progress
from sensorium.models import open as open_model
from sensorium.parameter import Item, Later, Opened, Option, Range, Resource, parameter_of
from sensorium.results import AnyResult
from sensorium.roles import ROLES
from sensorium.runtime.devices import threads


@dataclass(frozen=True)
class Partial:
    """What a long task has so far."""

    result: AnyResult


Event = Progress | Partial


def use(role: str) -> Any:
    """A parameter that is filled with a loaded model of that role."""
    return Opened(lambda spec: open_model(spec, ROLES[role]), "model", role)


def later(role: str) -> Any:
    """A parameter that is filled with a `Later`: the model is opened when the task needs it."""
    return replace(use(role), late=True)


def opens(make: Callable[[str], Any], default: str) -> Any:
    """A parameter that is filled with `make(name)`: a library, say."""
    return Opened(lambda name: make(name or default), make.__name__, default)


@dataclass(frozen=True, eq=False)
class Task:
    """One thing that a person asks, for one item. Calling it gives the Result."""

    function: Callable[..., Any]
    example: tuple[str, ...]
    name: str
    parameters: tuple[Item | Option | Resource, ...] = field(repr=False)
    result: type

    @property
    def summary(self) -> str:
        return (self.help.splitlines() or [""])[0]

    @cached_property
    def help(self) -> str:
        return inspect.getdoc(self.function) or ""

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(one for one in self.parameters if isinstance(one, Item))

    @property
    def options(self) -> tuple[Option, ...]:
        return tuple(one for one in self.parameters if isinstance(one, Option))

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(one for one in self.parameters if isinstance(one, Resource))

    def __call__(self, *items: Any, **options: Any) -> Any:
        result = None
        for event in self.stream(*items, **options):
            result = event
        return result

    def stream(self, *items: Any, **options: Any) -> Generator[Any, None, None]:
        """Progress and Partial events, then the Result itself as the last. Closing it cancels."""
        with ExitStack() as stack:
            arguments = self._bind(items, options, stack)
            made = self.function(**arguments)
            if inspect.isgenerator(made):
                stack.callback(made.close)
                made = yield from made
            yield made

    def map(self, items: Iterable[Any], **options: Any) -> Generator[Any, None, None]:
        """A Result for each item, or `Failed(item, error)`; in order, a thread a core. Closing it
        cancels."""
        with closing(Flow(items).map(Call(self, options), threads=threads()).run()) as made:  # type: ignore[type-var]
            for one in made:
                if not isinstance(one, Progress):
                    yield one

    def __reduce__(self) -> tuple[Any, ...]:
        """By its place: the module has the task where the function was."""
        return _task_in, (self.function.__module__,)

    def _bind(
        self, items: Sequence[Any], options: dict[str, Any], stack: ExitStack
    ) -> dict[str, Any]:
        names = [one.name for one in self.items]
        if len(items) > len(names):
            raise InputError(f"{self.name} takes {', '.join(names)}", f"{len(items)} were given")
        given = dict(zip(names, items, strict=False)) | options
        unknown = given.keys() - {one.name for one in self.parameters}
        if unknown:
            known = ", ".join(one.name for one in self.parameters)
            raise InputError(f"{self.name} has no option {', '.join(sorted(unknown))}", hint=known)
        bound: dict[str, Any] = {}
        for parameter in self.parameters:
            if isinstance(parameter, Resource):
                bound[parameter.name] = _open(parameter.opened, given.get(parameter.name), stack)
            elif parameter.name in given:
                bound[parameter.name] = parameter.read(given[parameter.name])
            elif isinstance(parameter, Item) and parameter.required:
                raise InputError(f"{self.name} wants {parameter.name}", self.summary)
        return bound


@dataclass(frozen=True)
class Call:
    """A stage that calls a task: what it holds can be pickled, a loaded model cannot."""

    task: Task
    options: dict[str, Any]

    def __call__(self, item: Any) -> Iterator[Any]:
        """Its progress, at which a flow that is closed stops it, and the Result."""
        with closing(self.task.stream(item, **self.options)) as events:
            for event in events:
                if not isinstance(event, Partial):
                    yield event


def _task_in(module: str) -> Task:
    import importlib

    return task_of(importlib.import_module(module))


def _open(opened: Opened, given: Any, stack: ExitStack) -> Any:
    if opened.late:
        now = replace(opened, late=False)
        return Later(partial(_open, now, given, stack), given is not None)
    if given is not None and not isinstance(given, str):
        return given
    value = opened.open(given)
    if hasattr(value, "close"):
        stack.callback(value.close)
    return value


def task(*, example: Sequence[str] = ()) -> Callable[[Callable[..., Any]], Task]:
    """Make a Task of a typed function. example: arguments of a command line that shows it."""

    def decorate(function: Callable[..., Any]) -> Task:
        hints = get_type_hints(function, include_extras=True)
        signature = inspect.signature(function)
        parameters = tuple(
            parameter_of(one, hints[one.name]) for one in signature.parameters.values()
        )
        name = function.__name__.replace("_", "-")
        return Task(function, tuple(example), name, parameters, _result(hints["return"]))

    return decorate


def task_of(module: Any) -> Task:
    """The one Task of a module on the shelf."""
    found = [value for value in vars(module).values() if isinstance(value, Task)]
    assert len(found) == 1, f"{module.__name__} must hold one task, it holds {len(found)}"
    return found[0]


def _result(hint: Any) -> type:
    """The Result that a function returns; of a generator function, what it returns at its end."""
    if get_origin(hint) is not None and not isinstance(hint, type):
        hint = get_args(hint)[-1]
    assert isinstance(hint, type)
    return hint


__all__ = [
    "Event",
    "Item",
    "Later",
    "Opened",
    "Option",
    "Partial",
    "Progress",
    "Range",
    "Resource",
    "Task",
    "later",
    "opens",
    "task",
    "task_of",
    "use",
]
