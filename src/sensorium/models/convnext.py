"""ConvNeXt that classifies faces: convolutions in the manner of a transformer (Liu et al., CVPR
2022, https://arxiv.org/abs/2201.03545)."""

from dataclasses import replace
from typing import Any

from sensorium.models._pictures import Fit, PictureSteps, transformers_steps
from sensorium.models._see_faces import FaceReader, open_face_reader
from sensorium.roles import FaceClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.signal.image import Resample

ROLES = (FaceClassifier,)
# What ConvNextImageProcessor assumes where the file is silent: ImageNet's mean and deviation.
_UNSAID: dict[str, Any] = {
    "size": {"shortest_edge": 384},
    "resample": Resample.BICUBIC,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "crop_pct": 224 / 256,
}
_WHOLE = 384  # pixels from which on the whole picture is squeezed in


def load(checkpoint: Checkpoint, device: Device) -> FaceReader:
    name = "ConvNextForImageClassification"
    return open_face_reader(checkpoint, device, name, convnext_steps(checkpoint))


def convnext_steps(checkpoint: Checkpoint) -> PictureSteps:
    """Small sizes are the middle of a picture that is larger by 1 / `crop_pct`."""
    steps = transformers_steps(checkpoint, _UNSAID)
    side = steps.shorter
    if steps.fit is Fit.NONE:
        return steps
    if side >= _WHOLE:
        return replace(steps, fit=Fit.SQUASH, width=side, height=side, crop=None)
    says = _UNSAID | checkpoint.read_json("preprocessor_config.json")
    larger = int(side / float(says["crop_pct"] or _UNSAID["crop_pct"]))
    return replace(steps, fit=Fit.SHORTEST, width=larger, height=larger, crop=(side, side))
