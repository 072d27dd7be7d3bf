import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["info_nce", "sigmoid"])
def test_two_processes_equal_one(tmp_path: Path, loss: str) -> None:
    script = str(Path(__file__).with_name("two_processes.py"))
    port = str(29500 + os.getpid() % 1000)
    running = []
    for name, rank, count in (("one", 0, 1), ("two", 0, 2), ("two", 1, 2)):
        place = {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
        place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        command = [sys.executable, script, str(tmp_path / name), loss]
        running.append(subprocess.Popen(command, env=os.environ | place))
    assert [one.wait(100) for one in running] == [0, 0, 0]
    one, two = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("one", "two")
    )
    for kind in ("model", "averages"):
        for name, value in one[kind].items():
            assert torch.allclose(value, two[kind][name], atol=1e-6), name
    assert len(list((tmp_path / "two").glob("events.out.*"))) == 1  # the first alone writes
