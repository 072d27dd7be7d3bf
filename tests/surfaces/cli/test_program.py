"""The program as a whole: names, help, exit codes, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sensorium.version import __version__

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Install = Callable[[str, str, str], None]

SLOW = "import time; time.sleep(30)"
BROKEN = "raise RuntimeError('no luck')"
LINGER = '''
import time
from sensorium.media import Text
from sensorium.results import Scores
from sensorium.task import task

@task(example=["hello"])
def linger(item: Text, *, seconds: float = 0.0, fail: bool = False) -> Scores:
    """Take a while."""
    print("began", flush=True)
    time.sleep(seconds)
    if fail:
        raise KeyError("oh")
    return Scores(item=item.words, scores={"done": 1.0})
'''


@pytest.fixture
def linger(install: Install) -> None:
    install("linger", LINGER, "sensorium.tasks")


def test_version(sensorium: Run) -> None:
    ended = sensorium("--version")
    assert ended.stdout == f"sensorium {__version__}\n".encode()
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("group", ["evaluate", "libraries", "models", "train"])
def test_a_group_by_itself_shows_what_it_has(sensorium: Run, group: str) -> None:
    ended = sensorium(group)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert f"Usage: sensorium {group}" in ended.stdout.decode()


def test_help_names_tasks_verbs_and_guests_without_importing_a_guest(
    sensorium: Run, install: Install
) -> None:
    install("slow", SLOW, "sensorium.tasks")
    began = time.monotonic()
    ended = sensorium("--help")
    assert time.monotonic() - began < 10
    told = ended.stdout.decode()
    assert ended.returncode == 0
    assert "search" in told or "match" in told
    assert "doctor" in told and "slow" in told and "from guest_slow" in told


def test_a_broken_guest_fails_its_own_command_only(sensorium: Run, install: Install) -> None:
    install("broken", BROKEN, "sensorium.tasks")
    install("slow", SLOW, "sensorium.tasks")
    assert sensorium("schema", "Scores").returncode == 0
    ended = sensorium("broken", "x")
    assert ended.returncode == 1
    told = ended.stderr.decode()
    assert "guest_broken failed: RuntimeError: no luck" in told
    assert "uninstall it" in told and "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["mach"], 3, "there is no command “mach”"),
        (["match"], 2, "Missing argument"),
        (["match", "gone.jpg", "red", "blue"], 3, "gone.jpg does not exist"),
        (["match", "red.png", "--colour", "x"], 2, "No such option"),
        (["embed", "red.png", "--every", "nine"], 2, "--every cannot be 'nine'"),
        (["embed", "red.png", "--every", "0"], 2, "it must be 1 to 3600"),
        (["embed", "red.png", "--model", "hf:a/b"], 4, "is not on this machine"),
        (["schema", "Dreams"], 3, "there is no result “Dreams”"),
    ],
)
def test_errors_say_what_and_have_their_exit_code(
    sensorium: Run, pictures: Path, tmp_path: Path, arguments: list[str], code: int, what: str
) -> None:
    (pictures / "red.png").rename(tmp_path / "red.png")
    ended = sensorium(*arguments)
    assert ended.returncode == code, ended.stderr.decode()
    assert what in " ".join(ended.stderr.decode().split())
    assert ended.stdout == b"" and b"Traceback" not in ended.stderr


def test_an_error_for_a_machine_is_one_object(sensorium: Run) -> None:
    for arguments, code in ((["match", "gone.jpg", "a", "b"], 3), (["embed", "x", "--nope"], 2)):
        ended = sensorium(*arguments, "--json")
        told = json.loads(ended.stderr)
        assert (told["type"], told["code"], ended.returncode) == ("Error", code, code)
        assert set(told) == {"type", "what", "why", "hint", "code"}


def test_what_the_system_forbids_is_no_defect(
    sensorium: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ended = sensorium("embed", "x", "--save", "file/x.npz")
    assert ended.returncode == 2 and b"defect" not in ended.stderr
    if not Path("/dev/full").is_char_device():
        pytest.skip("no device here that is always full")
    command = [sys.executable, "-m", "sensorium", "schema"]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment)
    assert ended.returncode == 5
    assert (
        ended.stderr.decode().split()
        == "error the output cannot be used no space left on device".split()
    )


def test_a_typo_is_answered_with_the_word(sensorium: Run) -> None:
    assert "match" in sensorium("mach").stderr.decode()


def test_a_defect_has_an_id_and_shows_its_place_only_when_asked(
    sensorium: Run, linger: None
) -> None:
    ended = sensorium("linger", "x", "--fail")
    assert ended.returncode == 1
    assert b"defect " in ended.stderr and b"Traceback" not in ended.stderr
    told = json.loads(sensorium("linger", "x", "--fail", "--json").stderr)
    assert told["what"].split("defect ")[1][:8] in ended.stderr.decode()
    assert b"Traceback" in sensorium("linger", "x", "--fail", "-v").stderr


def test_ctrl_c_ends_calmly(environment: dict[str, str], linger: None) -> None:
    command = [sys.executable, "-m", "sensorium", "linger", "x", "--seconds", "30"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as program:
        assert program.stdout is not None and program.stderr is not None
        assert program.stdout.readline() == b"began\n"
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 130
        assert program.stderr.read() == b"stopped\n"


def test_long_work_shows_that_it_goes_on_where_a_person_looks(
    environment: dict[str, str], linger: None
) -> None:
    pty = pytest.importorskip("pty")
    above, below = pty.openpty()
    command = [sys.executable, "-m", "sensorium", "linger", "x", "--seconds", "2.8"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=below, env=environment | {"TERM": "xterm"}
    ) as program:
        out, _ = program.communicate(timeout=30)
    os.close(below)
    told = os.read(above, 1 << 16).decode()
    os.close(above)
    assert out == b"began\n1.0000\tdone\n"
    assert "linger" in told
    assert told.rstrip("\r\n").endswith("\x1b[2K")  # and nothing stays behind


def test_a_reader_that_leaves_is_no_error(environment: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "sensorium", "schema"]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=environment)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_no_colour_in_a_pipe_nor_with_no_color(sensorium: Run) -> None:
    for ended in (sensorium("doctor"), sensorium("doctor", NO_COLOR="1", FORCE_COLOR="1")):
        assert ended.returncode == 0
        assert b"\x1b[3" not in ended.stdout


def test_completion_knows_commands_and_options(sensorium: Run) -> None:
    asked = {"_SENSORIUM_COMPLETE": "complete_bash"}
    names = sensorium(COMP_WORDS="sensorium ", COMP_CWORD="1", **asked).stdout.decode().split()
    assert {"match", "index", "doctor"} <= set(names)
    asked |= {"COMP_WORDS": "sensorium match --mo", "COMP_CWORD": "2"}
    assert sensorium(**asked).stdout.decode().split() == ["--model"]
    asked |= {"COMP_WORDS": "sensorium match --model re", "COMP_CWORD": "3"}
    assert sensorium(**asked).stdout.decode().split() == ["reader"]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_any_name_of_a_file_passes_in_any_locale(
    sensorium: Run, tmp_path: Path, pictures: Path, locale: str
) -> None:
    odd = os.fsdecode("红 \N{BLUE HEART} ".encode() + b"\xff.png")
    (pictures / "red.png").rename(tmp_path / odd)
    ended = sensorium("embed", odd, LC_ALL=locale, PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(os.fsencode(odd) + b"\t")


def test_ctrl_c_while_a_compiled_module_loads(sensorium: Run, install: Install) -> None:
    """pybind11 gives what came up while a module was set up as an ImportError with that cause."""
    install("stopped", "raise ImportError('initialization failed') from KeyboardInterrupt()",
            "sensorium.tasks")  # fmt: skip
    ended = sensorium("stopped")
    assert (ended.returncode, ended.stderr) == (130, b"stopped\n")
