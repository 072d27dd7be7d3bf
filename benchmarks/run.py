"""Runs the quick benchmarks, each in a process of its own: a few minutes, nothing to prepare.

    python benchmarks/run.py [--media FOLDER]

startup, one item of every built-in model, growth up to 100,000 and the pipeline; with --media,
everyday sense too. What takes longer or needs more (rclip, a ViT-B/32) is in docs/benchmarks.md.
"""

import subprocess
import sys
from pathlib import Path

from measuring import parser

HERE = Path(__file__).parent
FOLDER = HERE.parent / "src" / "sensorium" / "builtin" / "dual-tower"
QUICK: tuple[tuple[str, ...], ...] = (
    ("startup.py",),
    ("items.py",),
    ("growth.py", "--sizes", "1000", "10000", "100000"),
    ("pipeline.py", "--model", f"dir:{FOLDER}", "--megapixels", "1", "--count", "200"),
)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--media", type=Path, help="folder of media that sense.py knows")
    arguments = options.parse_args()
    shared = ["--cache", str(arguments.cache)] + (["--json"] if arguments.json else [])
    calls = [*QUICK, *([("sense.py", str(arguments.media))] if arguments.media else [])]
    failed = [
        name
        for name, *words in calls
        if subprocess.run([sys.executable, HERE / name, *words, *shared], check=False).returncode
    ]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
