"""The loop: optimiser, schedule, precision, accumulation, averages, checkpoints, early stop.

It knows nothing of recipes: a `Trainee` says what a batch is and what is lost on it.

A run that was interrupted goes on as if it had not been: everything that is left to chance follows
from the seed and the step's number, and the rest stands in the checkpoint.
"""

import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from sensorium.errors import SensoriumError
from sensorium.train.averages import Averages
from sensorium.train.checkpoint import State, load_state, load_weights, save_state, save_weights
from sensorium.train.curves import Curves
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes
from sensorium.train.signals import stop_signals

B = TypeVar("B")
Logs = Mapping[str, float | Tensor]
BEST = "best.pt"
LAST = "checkpoint.pt"


@dataclass(frozen=True)
class Group:
    """Parameters that learn alike. lr: a factor of the run's own rate. decay: whether the run's
    weight decay applies."""

    parameters: list[Tensor]
    lr: float = 1.0
    decay: bool = True


class Trainee(Protocol[B]):
    """What a recipe hands to the loop."""

    model: torch.nn.Module
    watched: str
    """The figure of `validate` by which the best weights are told; higher is better."""

    def groups(self) -> list[Group]:
        """What is trained; `grouped(model)` unless parts learn at rates of their own."""
        ...

    def batches(self, start: int) -> Iterator[B]:
        """This process's part of every batch from number `start` on, without end."""
        ...

    def loss(self, batch: B) -> tuple[Tensor, Logs]:
        """A scalar, the mean over this process's rows, and what else to draw a curve of."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures of the model as it stands, in evaluation mode and without gradients."""
        ...

    def about(self) -> dict[str, str]:
        """What the card says of data and model: a name and words each."""
        ...

    def bad(self) -> list[Bad]:
        """Rows of the data that could not be used, so far."""
        ...

    def finish(self, out: Path) -> None:
        """Write what the model is into the run's folder: its configuration, tokenizer, graphs."""
        ...


@dataclass(frozen=True)
class Step:
    """One step is done. loss: of this process. rate: pictures (or texts) a second, of all
    processes. left: seconds to the end. logs: what the recipe told."""

    number: int
    of: int
    loss: float
    rate: float
    left: float
    logs: Mapping[str, float]


@dataclass(frozen=True)
class Validated:
    """step: 0 for the start. figures: the watched one first. best: whether that is the highest so
    far."""

    step: int
    figures: Mapping[str, float]
    best: bool


@dataclass(frozen=True)
class Ended:
    """step: how far it came. figures: of the best weights, which are the model's now.
    why: `done`, `early` (validation got no better) or `stopped` (by a signal; it can go on).
    left_out: rows of the data that could not be used. best: the step of the best weights, 0 where
    all that came of the start was worse. before: figures of the start."""

    step: int
    figures: Mapping[str, float]
    why: str
    left_out: int = 0
    best: int = 0
    before: Mapping[str, float] = field(default_factory=dict)

    @property
    def doubt(self) -> str:
        """Why the figures cannot tell what was learnt, where they cannot."""
        name, value = next(iter(self.before.items()), ("", 0.0))  # the one that is watched
        if value < 1:
            return ""
        return (
            f"{name} was {value:g} before anything was learnt: what is held back is too little, or "
            "too easy, to tell what was gained; name more of it with --val"
        )


Event = Step | Validated | Ended


def grouped(model: torch.nn.Module, lr: float = 1.0) -> list[Group]:
    """Matrices with weight decay, the rest (biases, norms, scalars) without."""
    trained = [one for one in model.parameters() if one.requires_grad]
    matrices = [one for one in trained if one.ndim >= 2]
    vectors = [one for one in trained if one.ndim < 2]
    return [Group(matrices, lr), Group(vectors, lr, decay=False)]


def rate_at(step: int, options: Options) -> float:
    """Share of the full learning rate at a step, from 0: linear warm-up, then half a cosine."""
    warm = max(1, round(options.warmup * options.steps))
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, options.steps - warm)
    return options.floor + (1 - options.floor) * (1 + float(np.cos(np.pi * done))) / 2


def train(
    trainee: Trainee[B], options: Options, processes: Processes, out: Path
) -> Iterator[Event]:
    """Train until the steps are done, validation stops getting better, or a signal comes.

    Goes on from `out/checkpoint.pt` where there is one. The last event is Ended; then the model
    holds its best weights. Closing the iterator ends it without saving.
    """
    return _Run(trainee, options, processes, out).events()


class _Run(Generic[B]):
    def __init__(
        self, trainee: Trainee[B], options: Options, processes: Processes, out: Path
    ) -> None:
        self.trainee = trainee
        self.options = options
        self.processes = processes
        self.out = out
        self.model = trainee.model.to(processes.device)
        processes.share([*self.model.parameters(), *self.model.buffers()])
        groups = [group for group in trainee.groups() if group.parameters]
        self.factors = [group.lr for group in groups]
        self.trained = [one for group in groups for one in group.parameters]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": g.parameters, "weight_decay": options.weight_decay * g.decay}
                for g in groups
            ],
            lr=options.lr,
            betas=(0.9, options.beta2),
            fused=True,  # a third of the time on a CPU, where a step is not so long
        )
        self.averages = Averages(self.model, options.ema) if options.ema else None
        self.state = State()
        self.figures: dict[str, float] = {}

    def events(self) -> Iterator[Event]:
        resumed = load_state(self.out / LAST, self.model, self.optimiser, self.averages)
        self.state = resumed or self.state
        with (
            stop_signals() as signals,
            Curves(self.out, self.state.step, self.processes.first) as curves,
        ):
            yield from self._steps(signals, curves)
        why = self._why(bool(signals))
        if why != "stopped" and (self.out / BEST).exists():
            load_weights(self.out / BEST, self.model)
        figures, before = dict(self.state.figures), dict(self.state.before)
        yield Ended(self.state.step, figures, why, best=self.state.at, before=before)

    def _steps(self, signals: list[int], curves: Curves) -> Iterator[Event]:
        options = self.options
        meter, saved = _Meter(options), time.monotonic()
        if self.state.step == 0:
            yield self._validate(curves)
        with closing(self.trainee.batches(self.state.step * options.accumulate)) as batches:  # type: ignore[type-var]
            while self._why(False) == "":
                began = time.monotonic()
                loss, logs = self._step(batches)
                self.state.step += 1
                step = meter.step(self.state.step, loss, logs, time.monotonic() - began)
                curves.add(step.number, {"loss": loss, "pictures a second": step.rate, **step.logs})
                yield step
                stop = self.processes.any(bool(signals))
                if self._validation_due():
                    yield self._validate(curves)
                if stop or self._why(False) or _minutes_since(saved) >= options.checkpoint_minutes:
                    self._save()
                    saved = time.monotonic()
                if stop:
                    signals[:] = signals or [signal.SIGTERM]
                    return

    def _why(self, stopped: bool) -> str:
        if self.state.step >= self.options.steps:
            return "done"
        if self.options.patience and self.state.misses >= self.options.patience:
            return "early"
        return "stopped" if stopped else ""

    def _step(self, batches: Iterator[B]) -> tuple[float, Logs]:
        options, device = self.options, self.processes.device
        share = rate_at(self.state.step, options)
        for group, factor in zip(self.optimiser.param_groups, self.factors, strict=True):
            group["lr"] = options.lr * factor * share
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=device)
        logs: Logs = {}
        for part in range(options.accumulate):
            # Chance follows from the step, so a checkpoint need not hold the generators' state.
            seed_all(options.seed, self.state.step, part, self.processes.rank)
            with torch.autocast(device.type, torch.bfloat16, options.precision == "bf16"):
                loss, logs = self.trainee.loss(next(batches))
            (loss / options.accumulate).backward()
            total += loss.detach() / options.accumulate
        self._apply()
        value = float(total)
        if not np.isfinite(value):
            raise SensoriumError(
                f"the loss is {value} at step {self.state.step + 1}",
                why="training has come apart",
                hint="a lower --lr, a longer --warmup or --precision fp32",
            )
        return value, logs

    def _apply(self) -> None:
        for one in self.trained:
            if one.grad is None:  # not used in this step; other processes may have used it
                one.grad = torch.zeros_like(one)
        self.processes.average(one.grad for one in self.trained if one.grad is not None)
        if self.options.clip:
            torch.nn.utils.clip_grad_norm_(self.trained, self.options.clip)
        self.optimiser.step()
        self.processes.share(self.model.buffers())
        if self.averages:
            self.averages.update(self.state.step)

    def _validation_due(self) -> bool:
        step, options = self.state.step, self.options
        return step % options.validate_every == 0 or step == options.steps

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _validate(self, curves: Curves) -> Validated:
        with self.averages.in_place() if self.averages else nullcontext():
            self.model.eval()
            device = self.processes.device
            with torch.autocast(device.type, torch.bfloat16, self.options.precision == "bf16"):
                figures = self.trainee.validate()
            name = self.trainee.watched
            figures = {name: figures[name]} | figures
            # The first process decides, so that none stops alone over a last digit.
            watched = torch.tensor(figures[name], dtype=torch.float64)
            watched = watched.to(device)
            self.processes.share([watched])
            best = self.state.judge(float(watched), figures)
            if best and self.processes.first:
                save_weights(self.out / BEST, self.model)
        self.processes.wait()
        curves.add(self.state.step, figures)
        return Validated(self.state.step, figures, best)

    def _save(self) -> None:
        if self.processes.first:
            save_state(self.out / LAST, self.state, self.model, self.optimiser, self.averages)
        self.processes.wait()


class _Meter:
    """Rate over the last steps, and what is left at that rate; validation is not counted."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._times: deque[float] = deque(maxlen=50)

    def step(self, number: int, loss: float, logs: Logs, seconds: float) -> Step:
        self._times.append(seconds)
        options = self._options
        each = sum(self._times) / len(self._times)
        rate = options.batch * options.accumulate / max(each, 1e-9)
        told = {name: float(value) for name, value in logs.items()}
        return Step(number, options.steps, loss, rate, (options.steps - number) * each, told)


def seed_all(*numbers: int) -> None:
    """Seed torch by several numbers together."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1))


def _minutes_since(moment: float) -> float:
    return (time.monotonic() - moment) / 60
