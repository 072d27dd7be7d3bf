"""Recipe: a file of `train/recipes/` as a thing that runs.

The file has a docstring (paper, when to use it, what it needs), a frozen dataclass `Config` of
`Options`, and `start(config, processes)`, which gives a `Trainee`.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from sensorium.errors import InputError
from sensorium.results.result import write_whole
from sensorium.train.card import BAD, write_card
from sensorium.train.config import RUN, changed, fields_of, read_config, write_toml
from sensorium.train.data import require_there
from sensorium.train.loop import Ended, Event, Trainee, train
from sensorium.train.memory import kept_memory
from sensorium.train.options import Options
from sensorium.train.processes import Processes, processes

# What may be another when a run goes on: it changes nothing of what is learnt.
_FREE = ("device", "checkpoint_minutes", "out")


@dataclass(frozen=True)
class Recipe:
    name: str
    help: str
    config: type[Options]
    start: Callable[[Any, Processes], Trainee[Any]]

    @classmethod
    def of(cls, module: ModuleType) -> "Recipe":
        name = module.__name__.rpartition(".")[2].replace("_", "-")
        return cls(name, inspect.getdoc(module) or "", module.Config, module.start)

    def stream(self, config: Path | None, given: Mapping[str, Any]) -> Iterator[Event]:
        """See `sensorium.train.stream`. Fields, and whether the data is there, are checked at once,
        before the first event."""
        options = read_config(self.config, config, given)
        require_there([*options.data, *options.val])
        return self._events(options)

    def _events(self, options: Options) -> Iterator[Event]:
        out = options.out
        with processes(options.device) as here, kept_memory():
            self._same_run(out, options)
            trainee = self.start(options, here)
            if here.first:
                out.mkdir(parents=True, exist_ok=True)
                write_whole(out / RUN, write_toml(self.name, options).encode())
            for event in train(trainee, options, here, out):
                yield (
                    self._ended(event, trainee, options, here)
                    if isinstance(event, Ended)
                    else event
                )

    def _ended(
        self, ended: Ended, trainee: Trainee[Any], options: Options, here: Processes
    ) -> Ended:
        """Make the folder one that explains itself, unless the run is to go on."""
        out = options.out
        bad = here.together([str(one) for one in trainee.bad()])
        if here.first and (out / BAD).exists():  # met before the run was interrupted
            bad = sorted({*bad, *(out / BAD).read_text("utf-8").splitlines()})
        if here.first and bad:
            write_whole(out / BAD, "".join(f"{one}\n" for one in bad).encode())
        if here.first and ended.why != "stopped":
            trainee.model.eval().to("cpu")
            trainee.finish(out)
            write_card(out, self, options, trainee, replace(ended, left_out=len(bad)))
        return replace(ended, left_out=len(bad))

    def _same_run(self, out: Path, options: Options) -> None:
        """A folder goes on with the run that it holds, never with another."""
        if not (out / RUN).exists():
            return
        other = [name for name in changed(out / RUN, self.name, options) if name not in _FREE]
        if other:
            raise InputError(
                f"{out} holds another run",
                why=f"{', '.join(other)} were different there ({RUN})",
                hint="--out another folder, or remove this one",
            )

    @property
    def fields(self) -> Any:
        """The fields of its Config as options."""
        return fields_of(self.config)
