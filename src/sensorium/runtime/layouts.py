"""Which files of a repository a model needs, so that a pull brings these and no others.

Repositories of the Hub hold the same weights several times over: as safetensors, as pickles, for
TensorFlow and Flax, as ONNX in half a dozen precisions.
"""

from collections.abc import Collection, Iterator

PAIRS = (("onnx/vision_model", "onnx/text_model"), ("visual/model", "textual/model"))
"""Where an image and a text graph are, without precision and suffix: the two layouts in use."""
ALONE = ("onnx/model", "model")
"""Where one graph has all of a network, both towers of one that has two."""
PRECISIONS = ("", "_fp16", "_quantized", "_int8", "_uint8")
"""Of several precisions the most exact is taken; these are the ones that every device can run."""
_SMALL = (".json", ".txt", ".model")
_CARDS = ("README.md", "LICENSE")
# The best first. The two last are pickles of tensors, read with weights_only.
_WEIGHTS = (
    "model.safetensors",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
)
_SHARDED = {"model.safetensors": "model-", "pytorch_model.bin": "pytorch_model-"}


def needed(files: Collection[str]) -> list[str]:
    """Of a repository's files those to fetch, weights first: a folder with its settings is whole.

    ONNX graphs where there are any, else weights for torch; settings and tokenizers.
    """
    weights = graphs(files) or list(torch_weights(files))
    small = [name for name in sorted(files) if _is_small(name) and name not in weights]
    return [*weights, *sorted(small, key=lambda name: name in SETTINGS)]


SETTINGS = ("config.json", "open_clip_config.json")
"""Files that a checkpoint cannot be known without, one of them; they come last."""


def graphs(files: Collection[str]) -> list[str]:
    """The image and the text graph, or the one that has all; then their external data."""
    for stems in (*PAIRS, *((stem,) for stem in ALONE)):
        found = [most_exact(files, stem) for stem in stems]
        if all(found):
            beside = (name for name in sorted(files) for graph in found if _belongs(name, graph))
            return [*found, *beside]
    return []


def most_exact(files: Collection[str], stem: str) -> str:
    """The graph of that stem in the best precision there is, empty where there is none."""
    names = (f"{stem}{precision}.onnx" for precision in PRECISIONS)
    return next((name for name in names if name in files), "")


def torch_weights(files: Collection[str]) -> Iterator[str]:
    """The weights that torch would load, in one file or several with their index."""
    for name in _WEIGHTS:
        if name in files:
            yield name
            return
        index = f"{name}.index.json"
        if index in files:
            prefix, suffix = _SHARDED[name], name.rpartition(".")[2]
            yield from sorted(f for f in files if f.startswith(prefix) and f.endswith(suffix))
            yield index
            return


def _belongs(name: str, graph: str) -> bool:
    """External data of a graph: `model.onnx_data`, `model.onnx_data_1`, `model.onnx.data`."""
    return name != graph and name.startswith((f"{graph}_data", f"{graph}.data"))


def _is_small(name: str) -> bool:
    """Settings, tokenizers and cards at the root or beside the graphs."""
    folder, _, base = name.rpartition("/")
    if folder not in ("", "onnx", "visual", "textual") or base.endswith(".index.json"):
        return False
    return base.endswith(_SMALL) or base in _CARDS
