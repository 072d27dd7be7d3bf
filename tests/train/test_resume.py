"""A run of its own process, ended by a real SIGTERM, against one that was left alone."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

STEPS = 40


def command(pairs_file: Path, out: Path) -> list[str]:
    fields = {"data": pairs_file, "out": out, "steps": STEPS, "batch": 4, "device": "cpu"}
    fields |= {"layers": 1, "width": 16, "heads": 2, "vocabulary": 200, "length": 16}
    fields |= {"ema": 0.9, "dropout": 0.3, "accumulate": 2, "validate-every": 15}
    told = [part for name, value in fields.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", "sensorium", "train", "masked-text", "--json", *told]


def test_sigterm_costs_nothing(tmp_path: Path, pairs_file: Path) -> None:
    subprocess.run(command(pairs_file, tmp_path / "whole"), check=True, stdout=subprocess.DEVNULL)
    part = command(pairs_file, tmp_path / "part")
    with subprocess.Popen(part, stdout=subprocess.PIPE, text=True, env=os.environ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            event = json.loads(line)
            if event.get("number") == 5:
                running.send_signal(signal.SIGTERM)
        assert running.wait(100) == 130
    assert event["type"] == "Ended"
    assert event["why"] == "stopped"
    assert 5 <= event["step"] < STEPS
    subprocess.run(part, check=True, stdout=subprocess.DEVNULL)
    whole, resumed = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("whole", "part")
    )
    for kind in ("model", "averages"):
        for name, value in whole[kind].items():
            assert torch.equal(value, resumed[kind][name]), name
    for one, other in zip(
        whole["optimiser"]["state"].values(), resumed["optimiser"]["state"].values(), strict=True
    ):
        assert all(torch.equal(one[key], other[key]) for key in one)
    assert whole["state"] == resumed["state"]
