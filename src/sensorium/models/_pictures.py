"""From a decoded picture to what a network takes, as the checkpoint's own files state it.

Resampling is Pillow's, on 8-bit pixels: bit for bit what transformers' Pillow processors and
open_clip do (tests hold both to 1e-4). transformers' torchvision processors resample tensors and
round otherwise: over 60 photographs a pixel differs by 1 level of 255 at most, 0.003 in the mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.roles import Floats, Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.signal.image import Resample, centre_crop, normalise, resize, shorter_side, within


class Fit(StrEnum):
    """How a picture is brought to size; the words are OpenCLIP's `resize_mode`."""

    SHORTEST = "shortest"
    """The shorter side becomes the size's, the aspect is kept."""
    LONGEST = "longest"
    """The whole picture fits in, the aspect is kept."""
    SQUASH = "squash"
    """Exactly the size, the aspect is lost."""
    NONE = "none"


@dataclass(frozen=True)
class PictureSteps:
    """Resize, crop, scale, normalise.

    width, height: pixels that `fit` aims at. crop: (width, height) of the middle that is kept, None
    for all. scale: multiplies pixels. mean, std: (3,), of scaled pixels. fill: what pads a crop.
    to_even: torchvision's rounding of a crop's margins; see `signal.image.centre_crop`.
    """

    fit: Fit
    width: int
    height: int
    crop: tuple[int, int] | None
    resample: Resample
    scale: float
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    fill: int = 0
    to_even: bool = False

    @property
    def shorter(self) -> int:
        """The shorter side of the resized picture is at most this, in pixels."""
        return min(self.width, self.height)

    def __call__(self, picture: Pixels) -> Floats:
        """uint8 (h, w, 3) → float32 (3, height, width)."""
        return normalise(self.shown(picture), self.mean, self.std, self.scale)

    def shown(self, picture: Pixels) -> Pixels:
        """uint8 (h, w, 3) → uint8 (height, width, 3): what is left of the picture, at its size."""
        rows, columns = picture.shape[:2]
        match self.fit:
            case Fit.SHORTEST:
                width, height = shorter_side(self.shorter, columns, rows)
                picture = resize(picture, width, height, self.resample)
            case Fit.LONGEST:
                width, height = within(self.width, self.height, columns, rows)
                picture = resize(picture, width, height, self.resample)
            case Fit.SQUASH:
                picture = resize(picture, self.width, self.height, self.resample)
            case Fit.NONE:
                pass
        if self.crop:
            picture = centre_crop(picture, *self.crop, self.fill, self.to_even)
        return picture


def transformers_steps(checkpoint: Checkpoint, unsaid: Mapping[str, Any]) -> PictureSteps:
    """What `preprocessor_config.json` says (or `processor_config.json`, where newer checkpoints
    keep it). unsaid: what the family's image processor assumes where the file is silent."""
    says = dict(unsaid) | _stated(checkpoint)
    fit, width, height = _fit(_named(says["size"], unsaid["size"]))
    if not says.get("do_resize", True):
        fit = Fit.NONE
    crop = _sides(says["crop_size"]) if says.get("do_center_crop") else None
    blank = not says.get("do_normalize", True)
    return PictureSteps(
        fit=fit,
        width=width,
        height=height,
        crop=crop,
        resample=Resample(says["resample"]),
        scale=float(says.get("rescale_factor", 1 / 255)) if says.get("do_rescale", True) else 1.0,
        mean=_channels(0.0 if blank else says["image_mean"]),
        std=_channels(1.0 if blank else says["image_std"]),
    )


def open_clip_steps(says: Mapping[str, Any], image_size: Any) -> PictureSteps:
    """What OpenCLIP's `preprocess_cfg` says. image_size: the network's, which goes before `size`.

    Mean, std, interpolation and resize mode may be left out of the file where they are OpenCLIP's
    own defaults (`open_clip.transform.PreprocessCfg`).
    """
    width, height = _sides(image_size or says["size"])
    fit = Fit(says.get("resize_mode") or Fit.SHORTEST)
    return PictureSteps(
        fit=fit,
        width=width,
        height=height,
        crop=None if fit is Fit.SQUASH else (width, height),
        resample=_INTERPOLATIONS[says.get("interpolation") or "bicubic"],
        scale=1 / 255,
        mean=_channels(says.get("mean") or CLIP_MEAN),
        std=_channels(says.get("std") or CLIP_STD),
        fill=int(says.get("fill_color") or 0),
        to_even=True,
    )


# The pictures that CLIP was trained on; CLIP's processors assume them where a file names none.
CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
# What transformers' CLIPImageProcessor, and Chinese-CLIP's after it, assume where a file is silent.
CLIP_UNSAID: dict[str, Any] = {
    "size": {"shortest_edge": 224},
    "crop_size": 224,
    "do_center_crop": True,
    "resample": Resample.BICUBIC,
    "image_mean": CLIP_MEAN,
    "image_std": CLIP_STD,
}
_INTERPOLATIONS = {
    "bicubic": Resample.BICUBIC,
    "bilinear": Resample.BILINEAR,
    "random": Resample.BICUBIC,  # of the training; OpenCLIP infers with bicubic
}


def _stated(checkpoint: Checkpoint) -> dict[str, Any]:
    if checkpoint.has("preprocessor_config.json"):
        return _without_none(checkpoint.read_json("preprocessor_config.json"))
    says = checkpoint.read_json("processor_config.json").get("image_processor")
    if not isinstance(says, dict):
        raise InputError(
            f"{checkpoint.spec} does not say how its pictures are prepared",
            why="it has no preprocessor_config.json",
        )
    return _without_none(says)


def _without_none(says: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in says.items() if value is not None}


def _named(size: Any, unsaid: Mapping[str, Any]) -> dict[str, Any]:
    """A size as an object; one number is what the family's own sizes are: a square, or a side."""
    if isinstance(size, dict):
        return size
    return dict.fromkeys(unsaid, size)


def _fit(size: Mapping[str, Any]) -> tuple[Fit, int, int]:
    if "shortest_edge" in size and "longest_edge" not in size:
        return Fit.SHORTEST, int(size["shortest_edge"]), int(size["shortest_edge"])
    if "height" in size and "width" in size:
        return Fit.SQUASH, int(size["width"]), int(size["height"])
    raise InputError(f"a picture size of {dict(size)} is not one we know")


def _sides(size: Any) -> tuple[int, int]:
    """(width, height) of a number, a (height, width) pair or an object with both."""
    match size:
        case {"height": height, "width": width}:
            return int(width), int(height)
        case [height, width]:
            return int(width), int(height)
        case [side] | {"shortest_edge": side} | (int() as side):
            return int(side), int(side)
        case _:
            raise InputError(f"a picture size of {size} is not one we know")


def _channels(value: Any) -> NDArray[np.float32]:
    return np.broadcast_to(np.asarray(value, np.float32), (3,)).copy()
