from sensorium.errors import InputError
from sensorium.media import Image, Video
from sensorium.results import Boxes
from sensorium.roles import Reader
from sensorium.task import task, use


@task(example=["sign.jpg"])
def read(picture: Image | Video, *, model: Reader = use("reader")) -> Boxes:
    """Read the words that stand in a picture, or in the frame at a moment of a video.

    Gives a box a line of words, in reading order. The model reads Chinese and English and comes
    with the extra `ocr`.
    """
    pixels = picture.pixels()
    height, width = pixels.shape[:2]
    if min(height, width) < 2:
        raise InputError(f"{picture.name} is too small to read", f"{width} x {height} pixels")
    boxes = model.read(pixels)
    return Boxes(item=picture.name, size=(width, height), boxes=boxes, provenance=model.provenance)
