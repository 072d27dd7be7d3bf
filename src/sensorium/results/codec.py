"""Frozen dataclasses to JSON values and back, by their annotations.

Takes the types that results are made of: str, int, float, bool, None, Path, Span, enums, float32
arrays (as nested lists), `tuple[T, ...]`, `tuple[A, B]`, `dict[str, T]`, optionals and nested
dataclasses. Numbers that JSON has no word for (NaN, infinity) are refused.
"""

import json
import math
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from sensorium.errors import InputError
from sensorium.media.span import Span

Json = Any


def encode(value: Any) -> Json:
    """A JSON value; a dataclass becomes an object with its fields' names."""
    match value:
        case None | bool() | int() | str():
            return value.value if isinstance(value, Enum) else value
        case float():
            if not math.isfinite(value):
                raise InputError(f"{value} cannot be written as JSON")
            return value
        case Path() | Span():
            return str(value)
        case np.ndarray():
            if not np.isfinite(value).all():
                raise InputError("an array with NaN or infinity cannot be written as JSON")
            return value.astype(np.float64).round(7).tolist()
        case tuple() | list():
            return [encode(item) for item in value]
        case dict():
            return {key: encode(item) for key, item in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} is no part of a result")


def dumps(value: Json, indent: int | None = None) -> str:
    """JSON as text that UTF-8 can hold: names of files may be bytes that are no text, which Python
    keeps as lone surrogates; they are escaped, and read back as they were."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, allow_nan=False)
    return text


def decode(kind: Any, data: Json) -> Any:
    """The value of type `kind` that `encode` wrote as `data`; InputError where it does not fit."""
    try:
        return _decode(kind, data)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise InputError(f"this is not a {name} in JSON", str(error)) from error


def _decode(kind: Any, data: Json) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if data is None and NoneType in arguments:
            return None
        return _decode(next(one for one in arguments if one is not NoneType), data)
    if origin is tuple:
        kinds = [arguments[0]] * len(data) if arguments[-1] is Ellipsis else arguments
        return tuple(_decode(one, item) for one, item in zip(kinds, data, strict=True))
    if origin is dict:
        return {key: _decode(arguments[1], item) for key, item in data.items()}
    if origin is np.ndarray:
        return np.asarray(data, np.float32)
    if kind is Span:
        return Span.parse(data)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = hints_of(kind)
        return kind(**{name: _decode(hints[name], data[name]) for name in hints if name in data})
    if kind is float and isinstance(data, int):
        return float(data)
    if isinstance(kind, type) and issubclass(kind, Path | Enum):
        return kind(data)
    if not isinstance(data, kind):
        raise TypeError(f"{data!r} is not {kind.__name__}")
    return data


@cache
def hints_of(kind: Any) -> dict[str, Any]:
    """Field name → resolved annotation."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def schema(kind: Any) -> Json:
    """JSON Schema (2020-12) of what `encode` writes for `kind`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [schema(one) for one in arguments]}
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return {"type": "array", "items": schema(arguments[0])}
        return {"type": "array", "prefixItems": [schema(one) for one in arguments]}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema(arguments[1])}
    if origin is np.ndarray:
        return {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
    if kind is Span:
        return {"type": "string"}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = hints_of(kind)
        properties = {name: schema(hint) for name, hint in hints.items()}
        return {"type": "object", "properties": properties, "required": list(hints)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    return {"type": _JSON_TYPES[kind]}


_JSON_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    Path: "string",
}
