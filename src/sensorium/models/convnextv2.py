"""ConvNeXt V2 that classifies faces (Woo et al., CVPR 2023, https://arxiv.org/abs/2301.00808)."""

from sensorium.models._see_faces import FaceReader, open_face_reader
from sensorium.models.convnext import convnext_steps
from sensorium.roles import FaceClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (FaceClassifier,)


def load(checkpoint: Checkpoint, device: Device) -> FaceReader:
    name = "ConvNextV2ForImageClassification"
    return open_face_reader(checkpoint, device, name, convnext_steps(checkpoint))
