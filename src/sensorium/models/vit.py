"""Vision transformer that classifies faces (Dosovitskiy et al., ICLR 2021,
https://arxiv.org/abs/2010.11929)."""

from sensorium.models._pictures import transformers_steps
from sensorium.models._see_faces import FaceReader, open_face_reader
from sensorium.roles import FaceClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.signal.image import Resample

ROLES = (FaceClassifier,)
# What ViTImageProcessor assumes where the file is silent.
_UNSAID = {
    "size": {"height": 224, "width": 224},
    "resample": Resample.BILINEAR,
    "image_mean": 0.5,
    "image_std": 0.5,
}


def load(checkpoint: Checkpoint, device: Device) -> FaceReader:
    steps = transformers_steps(checkpoint, _UNSAID)
    return open_face_reader(checkpoint, device, "ViTForImageClassification", steps)
