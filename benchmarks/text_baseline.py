"""What a linear model makes of the rows that the text-emotion model learns from.

    pip install scikit-learn
    python benchmarks/text_baseline.py text-emotion-train.parquet [--json]

TF-IDF of words (1 and 2) and characters (1 to 4) and a logistic regression, trained and measured
on the same split as the recipe `text-emotion` (`train/labelled.py`): what a network must beat.
"""

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier

from sensorium.metrics.classification import (
    accuracy,
    balanced_accuracy,
    macro_f1,
    weighted_f1,
)
from sensorium.train.labelled import EMOTIONS, SENTIMENTS, Labelled, read_labelled

NEUTRAL = SENTIMENTS.index("neutral")


def features(train: list[str], held: list[str]) -> tuple[Any, Any]:
    # Words of the two scripts: runs of Latin letters; Chinese is left to the characters.
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, dtype=np.float32)
    letters = TfidfVectorizer(
        analyzer="char", ngram_range=(1, 4), min_df=5, sublinear_tf=True, dtype=np.float32
    )
    both = [(one.fit_transform(train), one.transform(held)) for one in (words, letters)]
    return tuple(hstack(parts).tocsr() for parts in zip(*both, strict=True))


def predict(target: str, rows: list[Labelled]) -> tuple[list[Labelled], np.ndarray]:
    """Rows held back that have the target, and the class numbers that the model names."""
    known = [row for row in rows if getattr(row, target) >= 0]
    train = [row for row in known if not row.held]
    held = [row for row in known if row.held]
    seen, unseen = features([row.text for row in train], [row.text for row in held])
    truth = np.array([getattr(row, target) for row in train])
    model = SGDClassifier(
        loss="log_loss", alpha=1e-6, max_iter=12, tol=None, average=True, random_state=0
    )
    model.fit(seen, truth)
    scores = model.decision_function(unseen)
    if target == "sentiment":  # a set without neutral is judged on its two classes
        scores[[row.two for row in held], NEUTRAL] = -np.inf
    return held, model.classes_[scores.argmax(1)]


def figures(held: list[Labelled], named: np.ndarray, target: str) -> dict[str, Any]:
    parts: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(held):
        parts[row.source].append(at)
    truth = np.array([getattr(row, target) for row in held])
    kinds = (accuracy, balanced_accuracy, macro_f1, weighted_f1)
    parts |= {
        "chinese reviews": [
            at
            for name in ("chnsenticorp", "online_shopping_10_cats", "waimai_10k")
            for at in parts.get(name, [])
        ],
        "chinese posts": [
            at
            for name in ("smp2020-usual", "smp2020-virus", "nlpcc2014")
            for at in parts.get(name, [])
        ],
    }
    return {
        name: {"n": len(at)} | {f.__name__: round(f(named[at], truth[at]), 4) for f in kinds}
        for name, at in sorted(parts.items())
        if at
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = read_labelled(given.data)
    for target, labels in (("sentiment", SENTIMENTS), ("emotion", EMOTIONS)):
        began = time.monotonic()
        told = figures(*predict(target, rows), target)
        if given.json:
            print(json.dumps({"target": target, "labels": labels, "by_corpus": told}))
            continue
        print(f"{target}   {time.monotonic() - began:.0f} s")
        for name, row in told.items():
            print(f"  {name:<24}" + "   ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
