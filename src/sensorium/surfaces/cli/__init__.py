"""The command line. Every task is a command; every file here without a leading `_` is a verb.

A verb's file has a docstring (its help), and `command` (a function that typer understands) or `app`
(a `typer.Typer` of several). Whoever writes one finds its voice in `_out.py`: `Out.of(ctx)`.
"""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        from sensorium.surfaces.cli._app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the program itself is still being loaded
        code = 130
    sys.exit(code)
