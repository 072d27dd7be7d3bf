"""Families, one file each, and `open`: the only way a checkpoint becomes a model.

A family's file is named after the checkpoint's `model_type` and has

    ROLES   the roles that its model serves
    MARKERS optionally, files any of which tells a folder without a known `model_type`; the name
            may have a `*`
    load(checkpoint, device)   the model
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar, cast

from sensorium.errors import InputError
from sensorium.results import Provenance
from sensorium.roles import ROLES
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device, chosen
from sensorium.runtime.hub import resolve
from sensorium.shelf import Shelf
from sensorium.spec import ModelSpec, Named, parse_spec

Model = TypeVar("Model")


@dataclass(frozen=True)
class Family:
    name: str
    roles: tuple[type, ...]
    markers: tuple[str, ...]
    load: Callable[[Checkpoint, Device], Any]

    @classmethod
    def of(cls, module: ModuleType) -> "Family":
        name = module.__name__.rpartition(".")[2]
        return cls(name, module.ROLES, getattr(module, "MARKERS", ()), module.load)


FAMILIES: Shelf[Family] = Shelf("sensorium.models", Family.of)

STARTS = {
    "masked-image": ("it has learnt to see, not yet what things are called", "dual-tower --image"),
    "masked-text": ("it has learnt words, not yet what they look like", "dual-tower --text"),
    "single-tower": (
        "it judges whether a text belongs to a picture, one pass a pair, and no task asks that",
        "single-tower --begin",
    ),
}
"""Runs that no task opens, by `model_type`: why, and which training goes on from them."""

_opened: dict[tuple[str, Device], Any] = {}
_lock = threading.RLock()  # a family may open the models that it stands on


def open(spec: ModelSpec | str | None, role: type[Model], device: Device | None = None) -> Model:
    """The model that `spec` names, in the given role; loaded once per spec and device.

    spec: None for the one chosen for the role (`sensorium models use`), else the built-in one.
    device: None for the one chosen in the settings.
    Raises ModelMissing when it is not on this machine, InputError when it does not serve the role.
    """
    checkpoint = resolve(_spec(spec, role))
    family = family_of(checkpoint)
    if role not in family.roles:
        raise InputError(
            f"{checkpoint.spec} is no {role_name(role)}",
            why=f"a {family.name} serves as {', '.join(role_name(one) for one in family.roles)}",
            hint="sensorium models list",
        )
    device = device or chosen()
    key = (f"{checkpoint.spec}@{checkpoint.revision}", device)
    with _lock:
        if key not in _opened:
            _opened[key] = family.load(checkpoint, device)
    return cast(Model, _opened[key])


def provenance(spec: ModelSpec | str | None, role: type) -> Provenance:
    """What `open` would give, by name and revision, without loading it."""
    return resolve(_spec(spec, role)).provenance


def family_of(checkpoint: Checkpoint) -> Family:
    """By `model_type`, else by a marker file."""
    model_type = str(checkpoint.config.get("model_type", "")).replace("_", "-")
    if model_type in FAMILIES:
        return FAMILIES[model_type]
    for name in FAMILIES.own:
        family = FAMILIES[name]
        if any(any(checkpoint.folder.glob(marker)) for marker in family.markers):
            return family
    if model_type in STARTS:
        why, training = STARTS[model_type]
        hint = f"sensorium train {training} {checkpoint.spec}"
        raise InputError(f"{checkpoint.spec} is a start for training", why, hint)
    known = ", ".join(FAMILIES)
    raise InputError(
        f"{checkpoint.spec} is of no family we know",
        why=f"its model_type is “{model_type}”" if model_type else "it has no model_type",
        hint=f"families: {known}",
    )


def role_name(role: type) -> str:
    return next((name for name, one in ROLES.items() if one is role), role.__name__)


def _spec(spec: ModelSpec | str | None, role: type) -> ModelSpec:
    if isinstance(spec, str):
        return parse_spec(spec)
    return spec or Named(role_name(role))
