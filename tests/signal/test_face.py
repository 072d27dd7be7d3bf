"""Faces that move, cross, vanish and come back; and what a face of known points measures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.signal.face import GAP, Tracker, expression, likeness, overlap, pose, smooth, track

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    xyxy: tuple[float, float, float, float]


def at(x: float, y: float = 50, side: float = 40) -> Seen:
    return Seen((x, y, x + side, y + side))


def numbers(frames: Sequence[tuple[float, Sequence[Seen]]], least: int = 2) -> list[list[int]]:
    return [[number for number, _ in faces] for _, faces in track(frames, least)]


corners = st.tuples(*[st.floats(0, 100)] * 2, *[st.floats(1, 100)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(corners, corners)
def test_overlap_and_likeness_are_symmetric_and_bounded(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> None:
    assert 0 <= overlap(one, other) <= 1 + 1e-9 and overlap(one, one) == pytest.approx(1)
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert likeness(one, other) == pytest.approx(likeness(other, one))
    assert 0 <= likeness(one, other) <= 1 + 1e-9


def test_overlap_of_known_boxes() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (1, 0, 2, 1)) == 0


def test_two_faces_keep_their_numbers_as_they_move() -> None:
    frames = [(t / 5, [at(100 + 6 * t), at(300 - 6 * t, side=60)]) for t in range(15)]
    assert numbers(frames) == [[1, 2]] * 15
    turned = [(time, faces[::-1] if time > 1 else faces) for time, faces in frames]
    assert numbers(turned)[0] == [1, 2] and numbers(turned)[-1] == [2, 1]


def test_one_who_moves_further_than_the_box_is_still_known() -> None:
    assert numbers([(0, [at(100)]), (0.5, [at(130)]), (1, [at(160)])]) == [[1]] * 3
    assert numbers([(0, [at(100)]), (0.5, [at(190)]), (1, [at(190)])]) == [[], [1], [1]]


def test_a_gap_of_a_second_is_bridged_and_a_longer_one_is_not() -> None:
    here: list[Seen] = [at(100)]
    short = [(0.0, here), (0.5, here), (1.0, []), (1.5, here), (2.0, here)]
    assert numbers(short) == [[1], [1], [], [1], [1]]
    long = [(0.0, here), (0.5, here), (1.0, []), (1.6, here), (2.0, here)]
    assert numbers(long) == [[1], [1], [], [2], [2]]


def test_what_shows_once_was_no_face_unless_there_is_one_frame() -> None:
    frames = [(t / 2, [at(100), at(400)] if t == 3 else [at(100)]) for t in range(8)]
    assert numbers(frames) == [[1]] * 8
    assert numbers([(0.0, [at(5), at(200)])]) == [[1, 2]]
    assert numbers([]) == [] and numbers([(0.0, [])]) == [[]]


def test_frames_come_soon_and_in_order() -> None:
    """Nothing is held back for longer than it takes to know."""
    given_, told = 0, []

    def frames() -> Iterator[tuple[float, list[Seen]]]:
        nonlocal given_
        for step in range(400):
            given_ = step
            yield step / 10, [at(100), *([at(400)] if step % 30 == 0 else [])]

    for time, faces in track(frames()):
        told.append(time)
        assert given_ / 10 - time <= 2 * GAP + 0.11
        assert [number for number, _ in faces] == [1]
    assert told == [step / 10 for step in range(400)]


@given(
    st.lists(
        st.tuples(st.floats(0.05, 2), st.lists(st.tuples(st.floats(0, 500), st.floats(10, 90)))),
        max_size=12,
    )
)
def test_every_face_has_one_number_of_its_own(
    steps: list[tuple[float, list[tuple[float, float]]]],
) -> None:
    tracker: Tracker[Seen] = Tracker()
    time, told, highest = 0.0, [], 0
    for step, faces in steps:
        time += step
        seen = [at(x, side=side) for x, side in faces]
        found = tracker.add(time, seen)
        assert [face for _, face in found] == seen
        own = [number for number, _ in found]
        assert len(set(own)) == len(own)
        fresh = sorted(number for number in own if number > highest)
        assert fresh == list(range(highest + 1, highest + 1 + len(fresh)))
        highest = max([highest, *own])
        told.append((time, seen))
    again = list(track(told, least=1))
    assert [(time, [face for _, face in faces]) for time, faces in again] == told


def test_smoothing_keeps_what_does_not_change_and_lessens_jitter() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.2, 0.8, 40))
    level = np.full((40, 4), 7.0)
    assert smooth(times, level, 0.5) == pytest.approx(level)
    noise = np.random.default_rng(1).standard_normal(40)
    assert smooth(times, noise, 1.0).std() < 0.7 * noise.std()
    assert (smooth(times, noise, 0.0) == noise).all()
    assert smooth([], [], 1.0).shape == (0,)


def resting() -> Floats:
    """68 points of an upright face at rest, 100 between the outer corners of its eyes."""
    spots = np.zeros((68, 2))
    spots[17:22] = [(-55, -28), (-45, -33), (-35, -34), (-25, -33), (-15, -30)]
    spots[22:27] = spots[17:22][::-1] * (-1, 1)
    spots[36:42] = [(-50, 0), (-42, -6), (-32, -6), (-22, 0), (-32, 5), (-42, 5)]
    spots[42:48] = spots[[39, 38, 37, 36, 41, 40]] * (-1, 1)
    spots[48:60] = [
        (-28, 70), (-18, 66), (-8, 64), (0, 65), (8, 64), (18, 66), (28, 70),
        (18, 76), (8, 78), (0, 79), (-8, 78), (-18, 76),
    ]  # fmt: skip
    spots[60:68] = [
        (-22, 70), (-8, 70), (0, 70), (8, 70), (22, 70), (8, 71), (0, 71), (-8, 71),
    ]  # fmt: skip
    placed: Floats = spots + np.array([200.0, 150.0])
    return placed


def moved(places: Sequence[int], up: float) -> Floats:
    spots = resting()
    spots[list(places), 1] -= up
    return spots


MOVES = {
    "mouth-corner lift": ((48, 54, 60, 64), 6),
    "mouth opening": ((56, 57, 58, 65, 66, 67), -12),
    "brow raise": (range(17, 27), 8),
    "brow lower": ((20, 21, 22, 23), -5),
    "eye opening": ((37, 38, 43, 44), 4),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_sign_follows_its_move(name: str) -> None:
    places, up = MOVES[name]
    rest, now = expression(resting()), expression(moved(list(places), up))
    assert set(rest) == set(MOVES)
    assert now[name] - rest[name] == pytest.approx(abs(up) / 100, abs=1e-9)


def test_signs_of_a_resting_face() -> None:
    rest = expression(resting())
    assert rest["eye opening"] == pytest.approx(0.11) and rest["mouth opening"] == pytest.approx(
        0.01
    )
    assert rest["brow raise"] > 0.2 and abs(rest["mouth-corner lift"]) < 0.02


@given(st.floats(-40, 40), st.floats(0.1, 20), st.floats(-500, 500))
def test_neither_place_nor_size_nor_tilt_matters(degrees: float, size: float, shift: float) -> None:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    spots = moved((48, 54, 66), 4)
    assert expression(spots @ turn.T * size + shift) == pytest.approx(expression(spots), abs=1e-6)


def test_five_points_tell_tilt_turn_and_width() -> None:
    level = np.array([(10, 20), (50, 20), (30, 40), (15, 60), (45, 60)], float)
    assert pose(level) == pytest.approx(
        {"head tilt, degrees": 0, "head turn": 0, "mouth width": 0.75}
    )
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert pose(level @ turn.T)["head tilt, degrees"] == pytest.approx(20)
    assert pose(level + np.eye(5)[2][:, None] * (10, 0))["head turn"] == pytest.approx(0.5)


def test_points_that_fall_together_measure_nothing() -> None:
    assert expression(np.zeros((68, 2))) == {} == pose(np.zeros((5, 2)))
    assert expression(np.full((68, 2), np.nan)) == {}
