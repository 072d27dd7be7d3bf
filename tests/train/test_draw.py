import numpy as np

from sensorium.train.draw import Draw


def test_the_batches_of_a_window_are_alike_in_length_and_the_same_again() -> None:
    lengths = [*range(1, 101)]
    draw = Draw(np.ones(100), lengths, size=5, window=8, seed=3)
    batches = [draw(number) for number in range(16)]
    assert all(batch.shape == (5,) for batch in batches)
    spread = [np.ptp(batch) for batch in batches]
    assert np.mean(spread) < 20  # of a hundred; of any five drawn it is near 67
    again = Draw(np.ones(100), lengths, size=5, window=8, seed=3)
    assert (again(11) == batches[11]).all()


def test_what_has_no_chance_is_never_drawn() -> None:
    chances = np.array([0.0, 1.0, 0.0, 3.0])
    draw = Draw(chances, [1, 2, 3, 4], size=50, window=2, seed=0)
    rows = np.concatenate([draw(number) for number in range(20)])
    assert set(rows.tolist()) == {1, 3}
    assert 0.7 < (rows == 3).mean() < 0.8
