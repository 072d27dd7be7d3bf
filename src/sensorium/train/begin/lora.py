"""LoRA: beside every matrix a product of two thin ones, which alone learn, and are then added to it
(Hu et al., ICLR 2022). A checkpoint of hundreds of megabytes is fine-tuned with the optimiser's
memory of a few."""

from torch import nn

from sensorium.errors import InputError, SensoriumError
from sensorium.train.begin.encoder import SIDES, DualEncoder
from sensorium.train.loop import Group

_RATE = 0.4  # of the run's rate: 2e-4 where that is 5e-4


def add_lora(model: DualEncoder, rank: int) -> list[Group]:
    """Freeze both sides, and put adapters beside the matrices of those that were to learn.

    Gives what learns now: adapters, projections that are of neither side, scale and bias. Raises
    InputError where no matrix could, SensoriumError without peft.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        why = f"{error.name} is not installed" if error.name else str(error)
        raise SensoriumError("LoRA needs peft", why, 'pip install "sensorium[train]"') from error
    learning = {one for side in SIDES for one in _matrices(model, side)}
    # By name: peft would also take the matrix inside of MultiheadAttention, which is not called.
    names = [name for name, module in model.named_modules() if module in learning]
    if not names:
        raise InputError("there is nothing for LoRA to learn", "no matrix of this start may move")
    inside = {w for side in SIDES for part in model.parts(side) for w in part.parameters()}
    beside = [one for one in model.parameters() if one.requires_grad and one not in inside]
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names)
    inject_adapter_in_model(config, model)
    for one in [*beside, model.log_scale, model.bias]:
        one.requires_grad_(True)
    thin = [one for name, one in model.named_parameters() if "lora_" in name]
    scalars = {id(model.log_scale), id(model.bias)}
    return [
        Group(thin, _RATE),
        Group([one for one in beside if id(one) not in scalars]),
        model.scalars(),
    ]


def _matrices(model: DualEncoder, side: str) -> list[nn.Module]:
    return [
        module
        for part in model.parts(side)
        for module in part.modules()
        if type(module) is nn.Linear and module.weight.requires_grad
    ]


def merge_lora(model: nn.Module) -> None:
    """Add the products to their matrices and take the adapters away, in place."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = [(n, m) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, module in adapted:
        module.merge()
        model.set_submodule(name, module.get_base_layer())
