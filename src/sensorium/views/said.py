"""Words on a page in both languages; its style shows those of one."""

from html import escape

from sensorium.views import feelings


def said(en: str, zh: str) -> str:
    return f'<span lang="en">{escape(en)}</span><span lang="zh">{escape(zh)}</span>'


def name(label: str) -> str:
    """An emotion's."""
    return said(label, feelings.zh(label))


def row(called: str) -> str:
    return said(called.replace("-", " "), feelings.row_zh(called))
