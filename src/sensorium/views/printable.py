"""Names and words come from strangers: what would steer a terminal is shown as a mark."""


def printable(text: str) -> str:
    return "".join(one if one.isprintable() else "�" for one in text)
