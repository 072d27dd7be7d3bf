"""The command line. Every task is a command; every file here without a leading `_` is a verb.

A verb's file has a docstring (its help), and `command` (a function that typer understands) or `app`
(a `typer.Typer` of several). Whoever writes one finds its voice in `_out.py`: `Out.of(ctx)`.
"""

import gc
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    # Loading modules makes many objects and no garbage: looking for it is a tenth of a cold search.
    gc.set_threshold(100_000)
    try:
        from sensorium.surfaces.cli._app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the program itself is still being loaded
        code = 130
    gc.freeze()  # the interpreter would look through all of them once more as it ends
    sys.exit(code)
