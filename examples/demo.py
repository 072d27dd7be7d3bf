"""A small library out of sample photos, searched by a sentence and by a picture.

Usage: demo.py WORK [DIR]   (WORK keeps the library and the page; DIR: a folder of your own)
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

QUERIES = (
    ["一只猫"],
    ["a cup of coffee on a table"],
)


def main(work: Path, own: list[Path]) -> None:
    samples = [work / "packages/skimage/data", work / "packages/sklearn/datasets/images"]
    os.environ["SENSORIUM_HOME"] = str(work / "home")
    page = work / "found.html"
    say("index", *samples, *own)
    for query in QUERIES:
        say("search", *query, "-k", "3")
    say("search", samples[0] / "motorcycle_left.png", "-k", "3")
    say("search", "两辆摩托车", "-k", "12", "--html", page)
    print(f"\nThe last answer as a page: {page}\nYour own folder: make demo DIR=~/Pictures")


def say(*words: object) -> None:
    """Show the command and run it as a user would."""
    command = ["sensorium", *map(str, words)]
    print(f"\n$ {shlex.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", *command], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), [Path(name).expanduser() for name in sys.argv[2:]])
