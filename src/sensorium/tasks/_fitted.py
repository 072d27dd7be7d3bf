"""How far each kind of sign is trusted: what `sensorium evaluate fusion` found, where it holds."""

import json
from collections.abc import Mapping
from dataclasses import replace

from sensorium.results.codec import decode
from sensorium.runtime.catalogue import BUILTIN
from sensorium.runtime.home import home
from sensorium.signal.fusion import FILE, Fusion


def fusion_of(revisions: Mapping[str, str]) -> Fusion:
    """The fit that was made on this machine, else the one that came with the models.

    revisions: of the classifier of each kind of sign. A fit for another classifier says nothing
    about this one, which then counts as it is."""
    for folder in (home(), BUILTIN):
        path = folder / FILE
        if path.is_file():
            fit: Fusion = decode(Fusion, json.loads(path.read_text("utf-8")))
            kinds = {
                name: kind
                for name, kind in fit.kinds.items()
                if kind.revision == revisions.get(name, "")
            }
            return replace(fit, kinds=kinds)
    return Fusion()
