"""RapidOCR: PP-OCRv6 (small), which finds lines of words and reads Chinese and English.

Weights and code come with the package `rapidocr` (Apache-2.0, extra `ocr`); nothing is downloaded:
every network is named by its file.
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np

from sensorium.errors import ModelMissing
from sensorium.results import Box
from sensorium.roles import Pixels, Reader
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device, threads
from sensorium.runtime.onnx import require

ROLES = (Reader,)
MARKERS = ("models/PP-OCRv6_det_small.onnx",)
_NETWORKS = {"Det": "*_det_*.onnx", "Cls": "*_cls_*.onnx", "Rec": "*_rec_*.onnx"}


def load(checkpoint: Checkpoint, device: Device) -> "RapidOcrReader":
    return RapidOcrReader(checkpoint, device)


class RapidOcrReader:
    """See `roles.Reader`. One picture at a time: a picture already takes every core."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        from rapidocr import RapidOCR

        require(device)
        self.provenance = checkpoint.provenance
        self._turn = threading.Lock()
        folder = checkpoint.folder / "models"
        paths = {f"{part}.model_path": _only(folder, name) for part, name in _NETWORKS.items()}
        engine = "EngineConfig.onnxruntime"
        self._engine = RapidOCR(
            params={
                **paths,
                "Global.log_level": "critical",  # an empty picture is no warning of ours
                f"{engine}.intra_op_num_threads": threads(),
                f"{engine}.use_cuda": device is Device.CUDA,
                f"{engine}.use_coreml": device is Device.COREML,
                f"{engine}.use_dml": device is Device.DIRECTML,
            }
        )

    def read(self, picture: Pixels) -> tuple[Box, ...]:
        with self._turn:
            found: Any = self._engine(np.ascontiguousarray(picture[:, :, ::-1]))  # it takes BGR
        if getattr(found, "txts", None) is None or found.boxes is None:
            return ()
        return tuple(
            Box(_upright(corners), words, float(score))
            for corners, words, score in zip(found.boxes, found.txts, found.scores, strict=True)
        )


def _upright(corners: Any) -> tuple[float, float, float, float]:
    """The four corners of a line, slanted or not, as left, top, right, bottom."""
    left, top = corners.min(axis=0)
    right, bottom = corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _only(folder: Path, pattern: str) -> str:
    path = next(iter(sorted(folder.glob(pattern))), None)
    if path is None:
        raise ModelMissing(
            "the words in pictures cannot be read",
            why=f"the installed rapidocr has no {pattern}",
            hint='pip install --force-reinstall "sensorium[ocr]"',
        )
    return str(path)
