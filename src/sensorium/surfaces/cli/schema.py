"""Print the JSON Schema of every result, or of one."""

import json
from typing import Annotated

import typer

from sensorium.errors import NotFound
from sensorium.results import SCHEMA_VERSION, Result
from sensorium.results.codec import schema
from sensorium.surfaces.cli._out import Out


def command(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="RESULT", help="Hits, Scores, Vectors, Boxes or Timeline."),
    ] = None,
) -> None:
    out = Out.of(ctx)
    if name is not None and name not in Result.kinds:
        raise NotFound(f"there is no result “{name}”", hint=", ".join(sorted(Result.kinds)))
    kinds = [Result.kinds[name]] if name else list(Result.kinds.values())
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {kind.__name__: of_result(kind) for kind in kinds},
        "oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds],
    }
    out.line(json.dumps(told, ensure_ascii=False, indent=None if out.json else 2))


def of_result(kind: type[Result]) -> dict[str, object]:
    """The schema of what `to_json` writes: the fields, with `type` and the schema's version."""
    fields = schema(kind)
    head = {"type": {"const": kind.__name__}, "schema": {"const": SCHEMA_VERSION}}
    return {
        **fields,
        "properties": {**head, **fields["properties"]},
        "required": ["type", "schema", *fields["required"]],
    }
