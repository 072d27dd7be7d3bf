"""Pickles of plain values and NumPy arrays, read without running what a pickle may run.

A pickle is a program for a small machine that may import and call anything. This is that machine
without these powers: it knows the operations that make numbers, texts, lists, tuples and dicts, and
of calls the five by which NumPy writes arrays down, which it answers itself. All else is refused
before anything happens, and nothing is allocated that the file does not hold byte for byte.
"""

import mmap
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError, NotFound

_ALLOWED = "numbers, texts, lists, tuples, dicts and NumPy arrays of these are"
_KINDS = "fiubUS"  # of arrays: floats, whole numbers, yes and no, texts
_WIDEST = 1 << 20  # bytes of one text in an array: an empty one takes the room of one
_ARRAY, _DTYPE, _SCALAR, _BUFFER, _BYTES = "array", "dtype", "scalar", "buffer", "bytes"
# NumPy's own names, before version 2 and since.
_CALLS = {
    f"numpy.{room}{place}": what
    for room in ("core", "_core")
    for place, what in (
        (".multiarray._reconstruct", _ARRAY),
        (".multiarray.scalar", _SCALAR),
        (".numeric._frombuffer", _BUFFER),
    )
}
_CALLS |= {"numpy.ndarray": "class", "numpy.dtype": _DTYPE, "_codecs.encode": _BYTES}
_CALLS |= {"__builtin__.bytes": _BYTES, "builtins.bytes": _BYTES}
_VALUES = frozenset(
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING "
    "BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES "
    "SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split()
)
_SINGLE = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NOTHING = frozenset({"PROTO", "FRAME"})
# What comes of damage: a text cut short, a place that nothing was put, a list within itself …
_BROKEN = (ValueError, LookupError, TypeError, OverflowError, OSError, RecursionError, EOFError)


class _RefusedError(Exception):
    """Why."""


@dataclass(frozen=True)
class _Name:
    """Something that a pickle may name; `what` is how we answer when it is called."""

    name: str
    what: str


@dataclass
class _Type:
    """A dtype being made: `f8`, then its byte order."""

    code: str
    order: str = "="

    def dtype(self) -> "np.dtype[Any]":
        made = np.dtype(self.code)
        if made.kind == "O":
            raise _RefusedError("it holds an array of Python objects, which could be anything")
        if made.kind not in _KINDS or made.itemsize > _WIDEST:
            raise _RefusedError(f"it holds an array of “{self.code[:20]}”")
        return np.dtype(self.order + made.str[1:])


@dataclass(eq=False)
class _Array:
    """An array being made; `value` once its bytes are there."""

    value: NDArray[Any] | None = None


def read_plain_pickle(path: Path) -> Any:
    """What the pickle at `path` holds.

    Raises NotFound where there is none; InputError where it holds anything but numbers, texts,
    lists, tuples, dicts and NumPy arrays of numbers or texts, or is damaged.
    """
    path = path.expanduser()
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Machine().run(data)
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist") from None
    except _RefusedError as refused:
        raise InputError(
            f"{path} is not read", f"{refused}; {_ALLOWED}", "save its arrays with numbers alone"
        ) from None
    except _BROKEN as error:
        raise InputError(f"{path} cannot be read", f"it is no whole pickle: {error}") from error


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: mmap.mmap) -> Any:
        for operation, argument, _ in pickletools.genops(data):  # type: ignore[arg-type]
            if operation.name == "STOP":
                return _finished(self.stack.pop(), {})
            self._step(operation.name, argument)
        raise ValueError("it has no end")

    def _step(self, name: str, argument: Any) -> None:
        if name in _VALUES:
            self.stack.append(_SINGLE.get(name, argument))
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            self.stack[-_TUPLES[name] :] = [tuple(self._last(_TUPLES[name]))]
        elif name not in _NOTHING:
            operation: Callable[[Any], None] | None = getattr(self, f"_{name.lower()}", None)
            if operation is None:
                raise _RefusedError(f"it uses the operation {name}")
            operation(argument)

    def _last(self, count: int) -> list[Any]:
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < count:
            raise ValueError("it takes more than there is")
        return self.stack[-count:]

    def _since_mark(self) -> list[Any]:
        start = self.marks.pop()
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def _mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def _pop(self, _: Any) -> None:
        self._last(1)
        self.stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._since_mark()

    def _append(self, _: Any) -> None:
        into, one = self._last(2)
        _list(into).append(one)
        self.stack.pop()

    def _appends(self, _: Any) -> None:
        taken = self._since_mark()
        _list(self.stack[-1]).extend(taken)

    def _list(self, _: Any) -> None:
        self.stack.append(self._since_mark())

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _dict(self, _: Any) -> None:
        taken = self._since_mark()
        self.stack.append({})
        self._put_items(taken)

    def _setitem(self, _: Any) -> None:
        taken = self._last(3)[1:]
        del self.stack[-2:]
        self._put_items(taken)

    def _setitems(self, _: Any) -> None:
        self._put_items(self._since_mark())

    def _put_items(self, taken: list[Any]) -> None:
        into = self.stack[-1]
        if not isinstance(into, dict) or len(taken) % 2:
            raise ValueError("it puts items into what is no dict")
        for key, value in zip(taken[::2], taken[1::2], strict=True):
            # A tuple of tuples of tuples takes for ever to be found.
            if not isinstance(key, str | int | float | bytes | None):
                raise _RefusedError(f"it has a {type(key).__name__} for a key")
            into[key] = value

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self._last(1)[0]

    def _put(self, place: int) -> None:
        self.memo[place] = self._last(1)[0]

    def _get(self, place: int) -> None:
        self.stack.append(self.memo[place])

    _binput = _long_binput = _put
    _binget = _long_binget = _get

    def _global(self, argument: str) -> None:
        self._name(*argument.split(" ", 1))

    def _stack_global(self, _: Any) -> None:
        module, name = self._last(2)
        del self.stack[-2:]
        self._name(module, name)

    def _name(self, module: Any, name: Any) -> None:
        full = f"{module}.{name}"
        if full not in _CALLS:
            raise _RefusedError(f"it names {full[:80]}")
        self.stack.append(_Name(full, _CALLS[full]))

    def _reduce(self, _: Any) -> None:
        called, arguments = self._last(2)
        del self.stack[-2:]
        if not isinstance(called, _Name) or not isinstance(arguments, tuple):
            raise _RefusedError("it calls what is no function")
        self.stack.append(_answer(called, arguments))

    def _build(self, _: Any) -> None:
        target, state = self._last(2)
        self.stack.pop()
        match target, state:
            case _Type(), (int(), str(order), None, None, None, *_) if order in "<>|=":
                target.order = order
            case _Array(value=None), (int(), tuple(shape), _Type() as kind, fortran, bytes(raw)):
                target.value = _filled(raw, kind, shape, "F" if fortran else "C")
            case _Array(value=None), (int(), tuple(shape), _Type() as kind, fortran, str(raw)):
                data = raw.encode("latin-1")  # of Python 2
                target.value = _filled(data, kind, shape, "F" if fortran else "C")
            case _Array(value=None), (int(), tuple(), _Type() as kind, *_):
                kind.dtype()  # says so where it is one of objects
                raise ValueError("an array without its bytes")
            case _:
                raise _RefusedError(f"it gives a {type(target).__name__.strip('_')} a state")


def _answer(called: _Name, arguments: tuple[Any, ...]) -> Any:
    """What a call of NumPy's would give."""
    match called.what, arguments:
        case "array", (_Name(what="class"), *_):
            return _Array()
        case "dtype", (str(code), *_):
            return _Type(code)
        case "scalar", (_Type() as kind, bytes(raw)):
            return _filled(raw, kind, (), "C").item()
        case "buffer", (bytes() | bytearray() as raw, _Type() as kind, tuple(shape), str(order)):
            return _Array(_filled(bytes(raw), kind, shape, order))
        case "bytes", (str(text), "latin1" | "latin-1"):
            return text.encode("latin-1")
        case "bytes", ():
            return b""
        case _:
            raise _RefusedError(f"it calls {called.name} in a way that we do not know")


def _filled(raw: bytes, kind: _Type, shape: tuple[Any, ...], order: str) -> NDArray[Any]:
    """The array, over the very bytes of the file: a shape that wants more of them is refused."""
    dtype = kind.dtype()
    sides = [side for side in shape if isinstance(side, int) and side >= 0]
    count = 1
    for side in sides:
        count *= side
    if len(sides) != len(shape) or len(shape) > 32 or count * dtype.itemsize != len(raw):
        raise _RefusedError(f"an array of shape {shape!s:.60} has {len(raw)} bytes")
    if not len(raw):
        return np.zeros(shape, dtype)
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if order == "F" else "C")


def _finished(value: Any, made: dict[int, Any]) -> Any:
    """With arrays for what stood for them; a value that occurs twice is the same value twice."""
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("an array without its bytes")
        return value.value
    if isinstance(value, _Name | _Type):
        raise _RefusedError("it holds a function or a type")
    if not isinstance(value, list | tuple | dict):
        return value
    if id(value) not in made:
        _finish(value, made)
    return made[id(value)]


def _finish(value: list[Any] | tuple[Any, ...] | dict[Any, Any], made: dict[int, Any]) -> None:
    if isinstance(value, tuple):
        made[id(value)] = tuple(_finished(one, made) for one in value)
        return
    made[id(value)] = value  # in place, so that one that holds itself is finished once
    places: Iterator[Any] = iter(value.items() if isinstance(value, dict) else enumerate(value))
    for place, one in list(places):
        value[place] = _finished(one, made)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("it appends to what is no list")
    return value
