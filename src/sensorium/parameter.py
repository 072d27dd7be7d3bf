"""Parameters of a task, as its signature declares them: items, options, and what is opened for the
call."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from sensorium.errors import InputError, SensoriumError
from sensorium.media import Media

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Range:
    """Bounds of a number option, both included."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


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
            return self._refuse(value, _wanted(self.type))

    def _refuse(self, value: Any, wanted: str) -> Any:
        raise InputError(f"{self.flag} cannot be {value!r}", f"it must be {wanted}")


_WANTED: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a day as in 2024-07-30",
}


def _wanted(kind: type) -> str:
    """What a value must be, in words; a type that is read by its `of` says so as `WANTED`."""
    return _WANTED.get(kind) or str(getattr(kind, "WANTED", kind.__name__))


@dataclass(frozen=True)
class Resource:
    """A parameter that is opened for the call; users name it by a spec or hand in their own."""

    name: str
    type: type
    opened: Opened
    help: str = ""


def parameter_of(parameter: inspect.Parameter, hint: Any) -> Item | Option | Resource:
    """What a parameter of a task is: its default says what is opened, its kind what is an item."""
    if isinstance(parameter.default, Opened):
        hint, words, _ = _told(hint)
        kind = get_args(hint)[0] if get_origin(hint) is Later else _alternatives(hint)[0]
        return Resource(parameter.name, kind, parameter.default, words)
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return option_of(parameter.name, hint, parameter.default)
    hint, words, _ = _told(hint)
    many = get_origin(hint) is list
    kinds = _alternatives(get_args(hint)[0] if many else hint)
    required = parameter.default is inspect.Parameter.empty
    return Item(parameter.name, kinds, many, required, words)


def option_of(name: str, hint: Any, default: Any) -> Option:
    """hint: a type or a Literal, `| None`, a tuple of many of them; Annotated with a line of help
    and a Range."""
    hint, words, bounds = _told(hint)
    many = get_origin(hint) is tuple
    kind, choices = _option_type(get_args(hint)[0] if many else hint)
    return Option(name, kind, default, words, bounds, choices, many)


def _told(hint: Any) -> tuple[Any, str, Range | None]:
    """The bare type, and what an Annotated says beside it."""
    if get_origin(hint) is not Annotated:
        return hint, "", None
    hint, *extras = get_args(hint)
    words = next((one for one in extras if isinstance(one, str)), "")
    return hint, words, next((one for one in extras if isinstance(one, Range)), None)


def _alternatives(hint: Any) -> tuple[type, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _option_type(hint: Any) -> tuple[type, tuple[str, ...]]:
    (kind,) = [one for one in _alternatives(hint) if one is not NoneType]
    if get_origin(kind) is Literal:
        return str, get_args(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind, tuple(member.value for member in kind)
    return kind, ()
