"""@task: reads a task's contract off a typed function, so that every surface can offer it.

Positional parameters are items (Media, or any type with a class method `of`); keyword-only ones are
options, or things that are opened for the call (a model for a role, a library).
"""

import inspect
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property, partial
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from sensorium.errors import InputError, SensoriumError
from sensorium.flow import Flow, Progress
from sensorium.media import Media
from sensorium.models import open as open_model
from sensorium.results import AnyResult
from sensorium.roles import ROLES
from sensorium.runtime.devices import threads

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Range:
    """Bounds of a number option, both included."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Partial:
    """What a long task has so far."""

    result: AnyResult


Event = Progress | Partial


@dataclass(frozen=True)
class Opened:
    """The default of a parameter that is opened for the call: `open(spec)`, None for the default.

    A value with `close` is closed after the call when it was opened for it. late: see `later`.
    """

    open: Callable[[str | None], Any]
    kind: str
    default: str
    late: bool = False


@dataclass(frozen=True)
class Later(Generic[Thing]):
    """Opens when it is called. named: whether who calls the task chose what is opened."""

    open: Callable[[], Thing]
    named: bool

    def __call__(self) -> Thing:
        return self.open()


def use(role: str) -> Any:
    """A parameter that is filled with a loaded model of that role."""
    return Opened(lambda spec: open_model(spec, ROLES[role]), "model", role)


def later(role: str) -> Any:
    """A parameter that is filled with a `Later`: the model is opened when the task needs it."""
    return replace(use(role), late=True)


def opens(make: Callable[[str], Any], default: str) -> Any:
    """A parameter that is filled with `make(name)`: a library, say."""
    return Opened(lambda name: make(name or default), make.__name__, default)


@dataclass(frozen=True)
class Item:
    """kinds: types that it may be, each with a class method `of`. many: takes several."""

    name: str
    kinds: tuple[type, ...]
    many: bool
    required: bool = True
    help: str = ""

    @property
    def composed(self) -> bool:
        """Made of a whole list of words and media: its `of` takes them all (a search's query)."""
        return not self.many and not any(issubclass(kind, Media) for kind in self.kinds)

    def read(self, value: Any) -> Any:
        if not self.many:
            return self._one(value)
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise InputError(f"{self.name} takes several", "a list is wanted")
        return [self._one(one) for one in value]

    def _one(self, value: Any) -> Any:
        if all(issubclass(kind, Media) for kind in self.kinds):
            return Media.of(value, *self.kinds)
        (kind,) = self.kinds
        return value if isinstance(value, kind) else kind.of(value)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Option:
    """type: bool, int, float, str, Path, date, an enum, or a type with a class method `of`.
    choices: of an enum or Literal. many: a tuple of values. help: a line for people."""

    name: str
    type: type
    default: Any
    help: str = ""
    range: Range | None = None
    choices: tuple[str, ...] = ()
    many: bool = False

    @property
    def flag(self) -> str:
        """As it is typed: a name of one letter (`k`, as the field calls it) takes one dash."""
        return "-" * min(2, len(self.name)) + self.name.replace("_", "-")

    def read(self, value: Any) -> Any:
        """The checked value; InputError says what would be right."""
        if value is None and self.default is None:
            return None
        if self.many:
            return tuple(self._one(one) for one in value)
        return self._one(value)

    def _one(self, value: Any) -> Any:
        if self.choices and value not in self.choices:
            self._refuse(value, f"one of {', '.join(filter(None, self.choices))}")
        value = self._convert(value)
        if self.range and not self.range.low <= value <= self.range.high:
            self._refuse(value, f"{self.range}")
        return value

    def _convert(self, value: Any) -> Any:
        if isinstance(value, self.type) and not (self.type is int and isinstance(value, bool)):
            return value
        try:
            if hasattr(self.type, "of"):
                return self.type.of(value)
            if self.type is date:
                return date.fromisoformat(value)
            if self.type is bool or isinstance(value, bool):
                raise ValueError
            return self.type(value)
        except SensoriumError:
            raise
        except (TypeError, ValueError):
            return self._refuse(value, _WANTED.get(self.type, self.type.__name__))

    def _refuse(self, value: Any, wanted: str) -> Any:
        raise InputError(f"{self.flag} cannot be {value!r}", f"it must be {wanted}")


_WANTED: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a day as in 2024-07-30",
}


@dataclass(frozen=True)
class Resource:
    """A parameter that is opened for the call; users name it by a spec or hand in their own."""

    name: str
    type: type
    opened: Opened
    help: str = ""


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
        yield from Flow(items).map(Call(self, options), threads=threads()).run()

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

    def __call__(self, item: Any) -> Any:
        return self.task(item, **self.options)


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
            _parameter(one, hints[one.name]) for one in signature.parameters.values()
        )
        name = function.__name__.replace("_", "-")
        return Task(function, tuple(example), name, parameters, _result(hints["return"]))

    return decorate


def task_of(module: Any) -> Task:
    """The one Task of a module on the shelf."""
    found = [value for value in vars(module).values() if isinstance(value, Task)]
    assert len(found) == 1, f"{module.__name__} must hold one task, it holds {len(found)}"
    return found[0]


def _parameter(parameter: inspect.Parameter, hint: Any) -> Item | Option | Resource:
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        extras = tuple(rest)
    words = next((one for one in extras if isinstance(one, str)), "")
    if isinstance(parameter.default, Opened):
        kind = get_args(hint)[0] if get_origin(hint) is Later else _alternatives(hint)[0]
        return Resource(parameter.name, kind, parameter.default, words)
    if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
        many = get_origin(hint) is list
        kinds = _alternatives(get_args(hint)[0] if many else hint)
        required = parameter.default is inspect.Parameter.empty
        return Item(parameter.name, kinds, many, required, words)
    bounds = next((one for one in extras if isinstance(one, Range)), None)
    many = get_origin(hint) is tuple
    kind, choices = _option_type(get_args(hint)[0] if many else hint)
    return Option(parameter.name, kind, parameter.default, words, bounds, choices, many)


def _alternatives(hint: Any) -> tuple[type, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _option_type(hint: Any) -> tuple[type, tuple[str, ...]]:
    (kind,) = [one for one in _alternatives(hint) if one is not NoneType]
    if get_origin(kind) is Literal:
        return str, get_args(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind, tuple(member.value for member in kind)
    return kind, ()


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
