"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

YARDSTICK = "numpy"


def of_peers(results: Sequence[Any]) -> str:
    """A table per number of columns and one per number of rows, with the ratios to the NumPy loop."""
    found = {(each.tool, each.rows, each.columns): each for each in results}
    sizes = list(dict.fromkeys((each.rows, each.columns) for each in results))
    blocks = [sorted(same) for same in (*_sharing(sizes, 1), *_sharing(sizes, 0)) if len(same) > 1]
    alone = [size for size in sizes if not any(size in block for block in blocks)]
    parts = [_block(found, block) for block in [*blocks, *([alone] if alone else [])]]
    missing = dict.fromkeys(
        f"* {each.tool}, {each.rows:,} x {each.columns:,}: {each.reason}" for each in results if each.reason
    )
    if missing:
        parts.append("\n".join(missing))
    return "\n\n".join(parts) + "\n"


def _sharing(sizes: Sequence[tuple[int, int]], position: int) -> Iterable[list[tuple[int, int]]]:
    """Sizes that have their rows (0) or their columns (1) in common."""
    for value in dict.fromkeys(size[position] for size in sizes):
        yield [size for size in sizes if size[position] == value]


def _block(found: dict[tuple[str, int, int], Any], sizes: Sequence[tuple[int, int]]) -> str:
    last = sizes[-1]
    header = [
        "tool", "version",
        *(f"{rows:,} x {columns:,}, s (x {YARDSTICK})" for rows, columns in sizes),
        f"fit, s at {last[0]:,} x {last[1]:,}", f"CPU s at {last[0]:,} x {last[1]:,}", f"extra MB at {last[0]:,} x {last[1]:,}",
    ]  # fmt: skip
    lines = []
    for tool in dict.fromkeys(tool for tool, *_ in found):
        of_tool = [found.get((tool, *size)) for size in sizes]
        if not any(of_tool):
            continue
        version = next((each.version for each in of_tool if each and each.version), None)
        cells = [_cell(each, found.get((YARDSTICK, *size))) for each, size in zip(of_tool, sizes, strict=True)]
        end = of_tool[-1]
        tail = (
            [seconds_text(end.fit_seconds), seconds_text(end.cpu_seconds), megabytes(end.peak_mb)] if end else [""] * 3
        )
        lines.append([tool, version or "", *cells, *tail])
    return markdown(header, lines)


def _cell(result: Any, yardstick: Any) -> str:
    if result is None:
        return ""
    if result.seconds is None:
        return "see below"
    if yardstick is None or not yardstick.seconds:
        return seconds_text(result.seconds)
    return f"{seconds_text(result.seconds)} ({result.seconds / yardstick.seconds:,.3g})"


def seconds_text(seconds: float | None) -> str:
    """Three digits."""
    if seconds is None:
        return ""
    return f"{seconds:.4f}" if seconds < 0.1 else f"{seconds:.3f}" if seconds < 1 else f"{seconds:,.3g}"


def megabytes(value: float | None) -> str:
    """Whole ones."""
    return "" if value is None else f"{value:,.0f}"


def markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    rows = [list(header), ["---", *(["--:"] * (len(header) - 1))], *(list(line) for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
