"""What families of classifiers share: a network that gives logits, and the labels of these.

The network is an ONNX file where the checkpoint has one (`onnx/model.onnx`, or `model.onnx` at its
root as Optimum writes it), else its weights through torch.
"""

from collections.abc import Sequence

import numpy as np

from sensorium.errors import InputError
from sensorium.models._labels import Folding, folding, stated_labels
from sensorium.models._towers import find_graphs
from sensorium.roles import Floats
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.runtime.session import Arrays, Session
from sensorium.signal.softmax import softmax

_LOGITS = "logits"
_MANY = "multi_label_classification"


class Classifier:
    """A network with named classes. Calls that run at the same time leave as one batch."""

    def __init__(self, session: Session, labels: Sequence[str], apart: bool = False) -> None:
        """labels: in the order of the logits. apart: each class is judged by itself, by a
        sigmoid; else all together, by a softmax."""
        self._session = Batcher(session)
        self._apart = apart
        self.folding: Folding = folding(labels)
        self._width = len(labels)

    def __call__(self, feeds: Arrays) -> Floats:
        """Arrays by name, of which the network takes those it knows (a network of one input takes
        the first, whatever its name) → float32 (n, `folding.labels`), rows that sum to 1."""
        names = self._session.inputs
        if len(names) == 1:
            taken = {names[0]: next(iter(feeds.values()))}
        else:
            taken = {name: feeds[name] for name in names}
        made = self._session.run(taken)
        logits = made[_LOGITS] if _LOGITS in made else next(iter(made.values()))
        if logits.ndim != 2 or logits.shape[1] != self._width:
            raise InputError(
                f"the network gives {logits.shape[1:]} numbers for {self._width} labels",
                why="its config.json names other classes than it has",
            )
        return self.folding(_chances(logits.astype(np.float32), self._apart))


def open_classifier(
    checkpoint: Checkpoint, device: Device, name: str, inputs: tuple[str, ...]
) -> Classifier:
    """name: transformers' class, which torch opens where there is no ONNX file. inputs: what that
    class takes, in its order.

    Raises InputError where the checkpoint is of another class, or does not name its labels.
    """
    _check_class(checkpoint, name)
    labels = stated_labels(checkpoint)
    if len(labels) < 2:
        raise InputError(
            f"{checkpoint.spec} tells one number, no classes",
            why=f"its only label is “{labels[0]}”",
        )
    found = find_graphs(checkpoint)
    session = OnnxSession(found[0], device) if found else _torch(checkpoint, device, name, inputs)
    return Classifier(session, labels, checkpoint.config.get("problem_type") == _MANY)


def _torch(checkpoint: Checkpoint, device: Device, name: str, inputs: tuple[str, ...]) -> Session:
    from sensorium.runtime.torch import TorchSession, load_transformers

    module = load_transformers(checkpoint.folder, name, device)
    return TorchSession(module, "forward", inputs, _LOGITS, device)


def _check_class(checkpoint: Checkpoint, name: str) -> None:
    """Weights of another class would leave the head as chance made it."""
    stated = checkpoint.config.get("architectures") or [name]
    if name not in stated:
        raise InputError(
            f"{checkpoint.spec} is a {stated[0]}, no {name}",
            why="only the latter tells classes in a way that we know",
            hint="a checkpoint that was fine-tuned to classify",
        )


def _chances(logits: Floats, apart: bool) -> Floats:
    if apart:
        return np.exp(-np.logaddexp(0, -logits)).astype(np.float32)
    return softmax(logits)
