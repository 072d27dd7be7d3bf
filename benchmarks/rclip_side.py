"""The part of the comparison with rclip that rclip's own Python runs; see rclip.py.

    python rclip_side.py network CLIP DATA         its network, with the names that rclip gives
    python rclip_side.py store DATA FOLDER COUNT    that many made-up vectors in its own database
    python rclip_side.py index DATA FOLDER          index a folder, without a query

DATA is what RCLIP_DATADIR names. Nothing is fetched: rclip finds its files where it looks first.
"""

import gzip
import os
import sys
from pathlib import Path

DIMENSIONS = 512


def network(clip: Path, data: Path) -> None:
    """The towers of a CLIP export as rclip calls them: one input named `input`, one output."""
    import onnx
    from onnx import helper
    from rclip.model_download import MODEL_SUBDIR, TEXTUAL_ONNX, TOKENIZER_VOCAB, VISUAL_ONNX

    folder = data / MODEL_SUBDIR
    folder.mkdir(parents=True, exist_ok=True)
    image = onnx.load(clip / "onnx" / "vision_model.onnx")
    _rename(image.graph, "pixel_values")
    onnx.save(image, folder / VISUAL_ONNX)

    text = onnx.load(clip / "onnx" / "text_model.onnx")
    _rename(text.graph, "input_ids")
    # Its tokenizer fills up to 77 tokens and gives no mask: all of them are looked at.
    kept = [one for one in text.graph.input if one.name != "attention_mask"]
    del text.graph.input[:]
    text.graph.input.extend(kept)
    one = helper.make_tensor("one", onnx.TensorProto.INT64, [1], [1])
    shape = helper.make_node("Shape", ["input"], ["input_shape"])
    ones = helper.make_node("ConstantOfShape", ["input_shape"], ["attention_mask"], value=one)
    text.graph.node.insert(0, shape)
    text.graph.node.insert(1, ones)
    onnx.save(text, folder / TEXTUAL_ONNX)

    vocabulary = data / TOKENIZER_VOCAB
    vocabulary.parent.mkdir(parents=True, exist_ok=True)
    vocabulary.write_bytes(gzip.compress((clip / "merges.txt").read_bytes()))


def _rename(graph, name: str) -> None:
    for one in graph.input:
        if one.name == name:
            one.name = "input"
    for node in graph.node:
        for place, given in enumerate(node.input):
            if given == name:
                node.input[place] = "input"


def store(data: Path, folder: Path, count: int) -> None:
    import numpy as np
    from rclip.db import DB, NewImage

    random = np.random.default_rng(0)
    database = DB(data / "db.sqlite3")
    for start in range(0, count, 10_000):
        rows = random.standard_normal((min(10_000, count - start), DIMENSIONS), np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for number, row in enumerate(rows, start):
            image = NewImage(
                filepath=str(folder / f"photo-{number:07}.jpg"),
                modified_at=0.0,
                size=1,
                vector=row.tobytes(),
                hash=f"{number:064x}",
            )
            database.upsert_image(image, commit=False)
        database.commit()
    database.close()


def index(folder: Path) -> None:
    from rclip.main import init_rclip

    rclip, model, database = init_rclip(str(folder), 8)
    rclip.close()
    model.close()
    database.close()


if __name__ == "__main__":
    action, *words = sys.argv[1:]
    match action, words:
        case "network", [clip, data]:
            os.environ["RCLIP_DATADIR"] = data
            network(Path(clip), Path(data))
        case "store", [data, folder, count]:
            os.environ["RCLIP_DATADIR"] = data
            store(Path(data), Path(folder), int(count))
        case "index", [data, folder]:
            os.environ["RCLIP_DATADIR"] = data
            index(Path(folder))
        case _:
            sys.exit(__doc__)
