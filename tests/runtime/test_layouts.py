"""Which files a pull brings, of repositories as the Hub has them."""

import pytest

from sensorium.runtime.layouts import graphs, needed

SETTINGS = ["config.json", "preprocessor_config.json", "tokenizer.json"]


@pytest.mark.parametrize(
    ("files", "weights"),
    [
        (
            "onnx/model.onnx onnx/text_model.onnx onnx/vision_model.onnx model.safetensors"
            " onnx/text_model_fp16.onnx onnx/vision_model_fp16.onnx",
            "onnx/vision_model.onnx onnx/text_model.onnx",
        ),
        (
            "visual/model.onnx visual/model.armnn textual/model.onnx",
            "visual/model.onnx textual/model.onnx",
        ),
        (
            "onnx/text_model_quantized.onnx onnx/vision_model_quantized.onnx",
            "onnx/vision_model_quantized.onnx onnx/text_model_quantized.onnx",
        ),
        (
            "onnx/vision_model.onnx onnx/text_model.onnx onnx/text_model.onnx_data"
            " onnx/text_model_fp16.onnx_data",
            "onnx/vision_model.onnx onnx/text_model.onnx onnx/text_model.onnx_data",
        ),
        ("pytorch_model.bin model.safetensors tf_model.h5", "model.safetensors"),
        ("pytorch_model.bin flax_model.msgpack", "pytorch_model.bin"),
        (
            "model-00001-of-00002.safetensors model-00002-of-00002.safetensors"
            " model.safetensors.index.json pytorch_model.bin",
            "model-00001-of-00002.safetensors model-00002-of-00002.safetensors"
            " model.safetensors.index.json",
        ),
        ("open_clip_pytorch_model.bin open_clip_model.safetensors", "open_clip_model.safetensors"),
        ("onnx/vision_model.onnx model.safetensors", "model.safetensors"),
        ("onnx/model.onnx onnx/model_fp16.onnx onnx/model_quantized.onnx", "onnx/model.onnx"),
        ("onnx/model.onnx onnx/model.onnx_data", "onnx/model.onnx onnx/model.onnx_data"),
    ],
)
def test_weights_once_and_first(files: str, weights: str) -> None:
    made = needed([*files.split(), *SETTINGS])
    expected = weights.split()
    assert made[: len(expected)] == expected
    assert set(made[len(expected) :]) == set(SETTINGS)
    assert made[-1] == "config.json"


def test_what_no_model_needs_stays_there() -> None:
    files = ["coreml/config.json", "runs/events.json", ".gitattributes", "example.py", "a.png"]
    assert needed(files) == []
    kept = ["README.md", "vocab.txt", "merges.txt", "spiece.model", "visual/preprocess_cfg.json"]
    assert set(needed(kept)) == set(kept)


def test_half_a_pair_is_no_pair() -> None:
    assert graphs(["onnx/text_model.onnx", "visual/model.onnx"]) == []
