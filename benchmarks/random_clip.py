"""A CLIP as big as ViT-B/32 with random weights, for measuring speed where no weights can be had.

    python benchmarks/random_clip.py FOLDER [PIXELS]

writes FOLDER (float32) and FOLDER-int8, both as `dir:` opens them without torch. Its vectors mean
nothing; its shapes, its operations and its token counts are those of openai/clip-vit-base-patch32
(the merges are taken from the package open_clip_torch). PIXELS: a picture's side, 224 unless told;
256 is that of the ViT-B-32-256 that rclip uses.

Needs: pip install "sensorium[torch]" open_clip_torch
"""

import gzip
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel

from sensorium.spec import Folder
from sensorium.train.export_towers import export

START, END = "<|startoftext|>", "<|endoftext|>"
PREPROCESSOR = {
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
}


def write_tokenizer(folder: Path) -> None:
    """`vocab.json` and `merges.txt` as OpenAI's checkpoint has them."""
    package = importlib.util.find_spec("open_clip")
    assert package and package.origin, "pip install open_clip_torch"
    packed = Path(package.origin).with_name("bpe_simple_vocab_16e6.txt.gz")
    merges = gzip.decompress(packed.read_bytes()).decode("utf-8").split("\n")[1 : 49152 - 256 - 1]
    letters = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [256 + i for i in range(256 - len(letters))]
    signs = [chr(code) for code in letters + others]
    pairs = ["".join(merge.split()) for merge in merges]
    vocabulary = [*signs, *(sign + "</w>" for sign in signs), *pairs, START, END]
    numbers = {token: number for number, token in enumerate(vocabulary)}
    (folder / "vocab.json").write_text(json.dumps(numbers, ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", "utf-8")


def main(target: Path, pixels: int) -> None:
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407},
        vision_config={"patch_size": 32, "image_size": pixels},
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        CLIPModel(config).save_pretrained(folder)
        (folder / "preprocessor_config.json").write_text(
            json.dumps(PREPROCESSOR | {"crop_size": pixels, "size": pixels})
        )
        write_tokenizer(folder)
        for int8 in (False, True):
            made = export(Folder(folder), Path(f"{target}-int8") if int8 else target, int8)
            print(f"{made.folder}: {made.megabytes:.0f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 224)
