"""Many items through stages."""

from sensorium.flow.flow import Executor, Failed, Flow, Progress, Stage

__all__ = ["Executor", "Failed", "Flow", "Progress", "Stage"]
