"""What a checkpoint's files say of its pictures, against values worked out by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from sensorium.errors import InputError
from sensorium.models._pictures import CLIP_UNSAID, Fit, open_clip_steps, transformers_steps
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.signal.image import Resample
from sensorium.spec import Folder

WIDE = np.random.default_rng(3).integers(0, 256, (40, 90, 3), dtype=np.uint8)


def checkpoint(folder: Path, **says: Any) -> Checkpoint:
    (folder / "preprocessor_config.json").write_text(json.dumps(says))
    return Checkpoint(Folder(folder), folder, "1")


def pillow(
    picture: NDArray[np.uint8], size: tuple[int, int], resample: Resample
) -> NDArray[np.float64]:
    made = Image.fromarray(picture).resize(size, Image.Resampling(resample))
    return np.asarray(made, np.float64)


def test_clips_first_files_name_sizes_as_numbers(tmp_path: Path) -> None:
    says = {"size": 20, "crop_size": 16, "resample": 3, "do_center_crop": True}
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 0.125]
    steps = transformers_steps(
        checkpoint(tmp_path, **says, image_mean=mean, image_std=std), CLIP_UNSAID
    )
    scaled = pillow(WIDE, (45, 20), Resample.BICUBIC)[2:18, 14:30]
    expected = ((scaled / 255 - mean) / std).transpose(2, 0, 1)
    np.testing.assert_allclose(steps(WIDE), expected, atol=1e-5)
    assert steps.shorter == 20


def test_a_square_size_squashes(tmp_path: Path) -> None:
    says = {"size": {"height": 12, "width": 18}, "do_center_crop": False, "resample": 2}
    steps = transformers_steps(
        checkpoint(tmp_path, **says, do_rescale=False, do_normalize=False), CLIP_UNSAID
    )
    expected = pillow(WIDE, (18, 12), Resample.BILINEAR).transpose(2, 0, 1)
    np.testing.assert_allclose(steps(WIDE), expected, atol=1e-4)


def test_what_a_file_leaves_out_is_as_the_processor_assumes(tmp_path: Path) -> None:
    steps = transformers_steps(checkpoint(tmp_path), CLIP_UNSAID)
    assert (steps.fit, steps.width, steps.crop) == (Fit.SHORTEST, 224, (224, 224))
    assert steps.mean.tolist() == pytest.approx([0.48145466, 0.4578275, 0.40821073])
    other = {"rescale_factor": 0.5, "do_resize": False, "image_mean": 0.5, "image_std": None}
    steps = transformers_steps(checkpoint(tmp_path, **other), CLIP_UNSAID)
    assert (steps.fit, steps.scale) == (Fit.NONE, 0.5)
    assert steps.mean.tolist() == [0.5, 0.5, 0.5]
    assert steps.std.tolist() == pytest.approx([0.26862954, 0.26130258, 0.27577711])


def test_newer_checkpoints_keep_it_with_the_processor(tmp_path: Path) -> None:
    says = {
        "image_processor": {"size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8}}
    }
    (tmp_path / "processor_config.json").write_text(json.dumps(says))
    made = Checkpoint(Folder(tmp_path), tmp_path, "1")
    assert transformers_steps(made, CLIP_UNSAID)(WIDE).shape == (3, 8, 8)


@pytest.mark.parametrize(
    "size", [{"longest_edge": 9}, {"shortest_edge": 9, "longest_edge": 20}, {}]
)
def test_a_size_that_we_do_not_know_is_refused(tmp_path: Path, size: dict[str, int]) -> None:
    with pytest.raises(InputError, match="size"):
        transformers_steps(checkpoint(tmp_path, size=size), CLIP_UNSAID)


def test_without_settings_nothing_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"processor_config\.json"):
        transformers_steps(Checkpoint(Folder(tmp_path), tmp_path, "1"), CLIP_UNSAID)


def test_open_clip_fits_the_whole_picture_in_where_it_says_longest() -> None:
    says = {"mean": [0, 0, 0], "std": [1, 1, 1], "resize_mode": "longest", "fill_color": 51}
    made = open_clip_steps(says, 30)(WIDE)
    assert made.shape == (3, 30, 30)
    np.testing.assert_allclose(made[:, [*range(8), *range(21, 30)]], 0.2, atol=1e-6)
    inner = pillow(WIDE, (30, 13), Resample.BICUBIC).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(made[:, 8:21], inner, atol=1e-5)


def test_open_clips_own_size_goes_before_the_files() -> None:
    assert open_clip_steps({"size": [50, 60]}, 30).shorter == 30
    steps = open_clip_steps({"size": [50, 60], "resize_mode": "squash"}, None)
    assert (steps.width, steps.height, steps.crop) == (60, 50, None)


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from(["shortest", "longest", "squash"]))
def test_every_picture_comes_out_in_the_networks_size(width: int, height: int, mode: str) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    assert open_clip_steps({"resize_mode": mode}, 24)(picture).shape == (3, 24, 24)
