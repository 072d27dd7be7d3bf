"""`sensorium train check`: findings by kind, and a sheet of samples."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from sensorium.errors import InputError
from sensorium.results.result import write_whole
from sensorium.surfaces.cli._meter import Meter
from sensorium.surfaces.cli._out import Out
from sensorium.train.check import KINDS, Report, check, samples

_SHOWN = 5  # findings of a kind that are spelled out; --json has them all
_SAMPLES = 24
_TELLING = 10  # pictures to validate on; of no more than that, recall at 10 is always 1


def run_check(data: Sequence[str], val: Sequence[str], sheet: Path | None, out: Out) -> None:
    if sheet and sheet.suffix.lower() not in (".png", ".html"):
        raise InputError(f"{sheet} is no sheet", "its suffix tells its form", ".png or .html")
    report = _checked(data, val, out)
    if out.json:
        _record(report, out)
    else:
        _show(report, out)
    if sheet:
        _write(sheet, data, out)


def _checked(data: Sequence[str], val: Sequence[str], out: Out) -> Report:
    events = check(data, val)
    with Meter(out, "check") as meter, closing(events):
        while True:
            try:
                meter.move(next(events))
            except StopIteration as end:
                report = end.value
                assert isinstance(report, Report)
                return report


def _record(report: Report, out: Out) -> None:
    for one in report.findings:
        out.record({"type": "Finding", "kind": one.kind, "where": one.where, "why": one.why})
    counts = Counter(one.kind for one in report.findings)
    told = {"pairs": report.pairs, "captions": report.captions, "splits": report.splits}
    told |= {"common": report.common, "median": report.median, "findings": dict(counts)}
    out.record({"type": "Report", **told})


def _show(report: Report, out: Out) -> None:
    width, height = report.median
    captions = ", ".join(f"{count:,} {lang}" for lang, count in report.captions.items()) or "none"
    splits = ", ".join(f"{count:,} {name}" for name, count in report.splits.items())
    out.show(f"pairs      {report.pairs:,} ({splits})")
    out.show(f"captions   {captions}")
    out.show(f"pictures   {width} × {height} pixels in the middle")
    if report.common:
        out.show(f"common     {report.common:,} held-out captions are said in train too")
    for kind, words in KINDS.items():
        found = [one for one in report.findings if one.kind == kind]
        if not found:
            continue
        out.show(f"\n[bold]{kind}[/bold] {len(found):,} {words}")
        for one in found[:_SHOWN]:
            out.line(f"  {one.where}: {one.why}")
        if len(found) > _SHOWN:
            out.line(f"  … and {len(found) - _SHOWN:,} more (--json has them all)")
    doubts = list(_doubts(report))
    for words in doubts:
        out.show(f"\n[bold]note[/bold] {words}")
    if not report.findings and not doubts:
        out.show("nothing is wrong with it")


def _doubts(report: Report) -> Iterator[str]:
    """What no row is to blame for: parts that are empty, or too small to tell anything."""
    train, held = report.splits.get("train", 0), report.splits.get("val", 0)
    if not train:
        yield "there is nothing to train on: every row is marked as val or test"
    if not held:
        yield "there is nothing to validate on: --val names it"
    elif held <= _TELLING:
        yield (
            f"{held} held out cannot tell what a run gains, as each is always among the first ten: "
            "--val names more"
        )


def _write(sheet: Path, data: Sequence[str], out: Out) -> None:
    from sensorium.views.sheet import Cell, draw_sheet, page_sheet

    cells = [Cell(pixels, (pair.id, *pair.texts)) for pair, pixels in samples(data, _SAMPLES)]
    if sheet.suffix.lower() == ".png":
        write_whole(sheet, draw_sheet(cells))
    else:
        write_whole(sheet, page_sheet(", ".join(data), cells).encode())
    out.note(f"written {sheet}")
