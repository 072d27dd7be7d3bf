import importlib.util
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from sensorium.errors import ModelMissing
from sensorium.models import open as open_model
from sensorium.models import rapidocr as family
from sensorium.results import Box
from sensorium.roles import Reader
from sensorium.runtime.catalogue import catalogue
from sensorium.runtime.hub import resolve
from sensorium.spec import Named

needed = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason="the extra ocr is not installed"
)


@pytest.fixture
def page() -> Any:
    picture = Image.new("RGB", (480, 160), "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(34)
    pen.text((20, 20), "Platform 9", font=font, fill=(200, 0, 0))
    pen.text((20, 90), "Departure 12:45", font=font, fill="black")
    return np.asarray(picture)


@needed
def test_lines_are_read_in_order_with_their_places(
    page: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    model = open_model(None, Reader)
    boxes = model.read(page)
    assert [box.label.replace(" ", "") for box in boxes] == ["Platform9", "Departure12:45"]
    assert all(box.score > 0.8 for box in boxes)
    left, top, right, bottom = boxes[0].xyxy
    assert (left, top) == pytest.approx((20, 25), abs=12) and right < 260 and bottom < 75
    assert model.read(np.zeros((50, 60, 3), np.uint8)) == ()
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")


@needed
def test_its_revision_is_the_package_s() -> None:
    checkpoint = resolve(Named("reader"))
    assert checkpoint.provenance.model == "reader" and checkpoint.revision[0].isdigit()
    assert checkpoint.licence == catalogue()["reader"].licence


def test_without_the_package_the_hint_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelMissing) as told:
        resolve(Named("reader"))
    assert told.value.hint == 'pip install "sensorium[ocr]"'


def test_a_package_without_a_network_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="cannot be read"):
        family._only(tmp_path, "*_det_*.onnx")


def test_corners_become_an_upright_box() -> None:
    slanted = np.array([(10, 12), (50, 8), (52, 20), (12, 24)])
    assert Box(family._upright(slanted), "x", 1).xyxy == (10, 8, 52, 24)
