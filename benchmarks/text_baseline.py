"""What a linear model makes of the rows that the text-emotion model learns from.

    pip install scikit-learn
    python benchmarks/text_baseline.py text-emotion-train.parquet [--json]

TF-IDF of words (1 and 2) and characters (1 to 4) and a logistic regression, trained and measured
on the same split as the recipe `text-emotion` (`train/labelled.py`): what a network must beat.
With --apart one for each kind of text (`GROUPS`), which is then told beforehand what it will read.
"""

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier

from sensorium.metrics.classification import (
    accuracy,
    balanced_accuracy,
    macro_f1,
    weighted_f1,
)
from sensorium.models._labels import SENTIMENTS
from sensorium.results.timeline import EMOTIONS
from sensorium.train.labelled import Labelled, read_labelled

NEUTRAL = SENTIMENTS.index("neutral")


def features(train: list[str], held: list[str]) -> tuple[Any, Any]:
    # Words of the two scripts: runs of Latin letters; Chinese is left to the characters.
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, dtype=np.float32)
    letters = TfidfVectorizer(
        analyzer="char", ngram_range=(1, 4), min_df=5, sublinear_tf=True, dtype=np.float32
    )
    both = [(one.fit_transform(train), one.transform(held)) for one in (words, letters)]
    return tuple(hstack(parts).tocsr() for parts in zip(*both, strict=True))


GROUPS = {
    "sst2": ("sentiment", ("sst2",)),
    "chinese reviews": (
        "sentiment",
        ("chnsenticorp", "online_shopping_10_cats", "waimai_10k"),
    ),
    "goemotions": ("emotion", ("goemotions",)),
    "chinese posts": ("emotion", ("smp2020-usual", "smp2020-virus", "nlpcc2014")),
    "meld": ("emotion", ("meld",)),
}


def predict(
    target: str, rows: list[Labelled], model: Any
) -> tuple[list[Labelled], NDArray[np.int64]]:
    """Rows held back that have the target, and the class numbers that the model names."""
    known = [row for row in rows if getattr(row, target) >= 0]
    train = [row for row in known if not row.held]
    held = [row for row in known if row.held]
    seen, unseen = features([row.text for row in train], [row.text for row in held])
    truth = np.array([getattr(row, target) for row in train])
    model.fit(seen, truth)
    scores = model.decision_function(unseen)
    if scores.ndim == 1:
        return held, model.classes_[(scores > 0).astype(int)]
    if target == "sentiment":  # a set without neutral is judged on its two classes
        scores[[row.two for row in held], list(model.classes_).index(NEUTRAL)] = -np.inf
    return held, model.classes_[scores.argmax(1)]


def one_for_all() -> Any:
    return SGDClassifier(
        loss="log_loss", alpha=1e-6, max_iter=12, tol=None, average=True, random_state=0
    )


def figures(held: list[Labelled], named: NDArray[np.int64], target: str) -> dict[str, Any]:
    parts: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(held):
        parts[row.source].append(at)
    truth = np.array([getattr(row, target) for row in held])
    kinds = (accuracy, balanced_accuracy, macro_f1, weighted_f1)
    for name, (_, several) in GROUPS.items():
        parts[name] = [at for one in several for at in parts.get(one, [])]
    return {
        name: {"n": len(at)} | {f.__name__: round(f(named[at], truth[at]), 4) for f in kinds}
        for name, at in sorted(parts.items())
        if at
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--apart", action="store_true")
    given = parser.parse_args()
    rows = read_labelled(given.data)
    if given.apart:
        for name, (target, several) in GROUPS.items():
            own = [row for row in rows if row.source in several]
            for weight in (None, "balanced"):
                model = LogisticRegression(C=8.0, max_iter=300, class_weight=weight)
                told = figures(*predict(target, own, model), target)[name]
                print(json.dumps({"group": name, "class_weight": weight} | told), flush=True)
        return
    for target, labels in (("sentiment", SENTIMENTS), ("emotion", EMOTIONS)):
        began = time.monotonic()
        told = figures(*predict(target, rows, one_for_all()), target)
        if given.json:
            print(json.dumps({"target": target, "labels": labels, "by_corpus": told}))
            continue
        print(f"{target}   {time.monotonic() - began:.0f} s")
        for name, row in told.items():
            print(f"  {name:<24}" + "   ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
