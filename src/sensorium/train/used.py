"""Which rows of the data a run learnt from and chose by, kept with the model."""

import gzip
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

FILE = "ids.txt.gz"


def used_ids(train: Iterable[str], val: Iterable[str]) -> str:
    """A line a row, `train` or `val`, a tab, its id; sorted."""
    rows = [("train", one) for one in train] + [("val", one) for one in val]
    return "".join(f"{split}\t{one}\n" for split, one in sorted(rows))


def told_ids(text: str) -> str:
    """As the card says it: two runs of one SHA-256 have used the same rows."""
    return f"`{FILE}`, SHA-256 of its text {sha256(text.encode()).hexdigest()}"


def write_ids(out: Path, text: str) -> None:
    """`ids.txt.gz`; the same ids give the same bytes."""
    (out / FILE).write_bytes(gzip.compress(text.encode(), mtime=0))
