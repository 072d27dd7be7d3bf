"""What a person can see go wrong.

SensoriumError        exit 1
├── InputError        exit 2   HTTP 422   what was given cannot be used
├── NotFound          exit 3   HTTP 404   what was named does not exist
├── ModelMissing      exit 4   HTTP 409   not on this machine; the hint is the pull command
├── Refused           exit 5   HTTP 403   allowed to nobody, or not here
├── Busy              exit 6   HTTP 429   try again later
└── Internal          exit 1   HTTP 500   a defect of ours
"""


class SensoriumError(Exception):
    """*what* failed in the user's words, *why*, and a *hint*: what to type or set to mend it."""

    exit_code = 1
    http_status = 500

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what, why, hint)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


class InputError(SensoriumError):
    exit_code = 2
    http_status = 422


class NotFound(SensoriumError):
    exit_code = 3
    http_status = 404


class ModelMissing(SensoriumError):
    exit_code = 4
    http_status = 409


class Refused(SensoriumError):
    exit_code = 5
    http_status = 403


class Busy(SensoriumError):
    exit_code = 6
    http_status = 429


class Internal(SensoriumError):
    exit_code = 1
    http_status = 500


def first_line(error: BaseException) -> str:
    """Of what another's error says, which may be pages; its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]
