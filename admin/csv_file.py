"""
Lists as CSV files (RFC 4180) for spreadsheets, in UTF-8 with the mark that they ask for.

A cell that a spreadsheet would take for a formula begins with an apostrophe (W1): what is in it came from strangers.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from aiohttp import web

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARK = "\ufeff"


def safe(cell: object) -> str:
    """Give a cell that no spreadsheet calculates."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def line(cells: Iterable[object]) -> str:
    """Write one line, with its CRLF."""
    out = io.StringIO()
    csv.writer(out).writerow([safe(cell) for cell in cells])
    return out.getvalue()


async def stream(
    request: web.Request, name: str, head: Sequence[str], rows: AsyncIterator[Sequence[object]]
) -> web.StreamResponse:
    """
    Answer with a file as its rows are read, so that a long list is never held whole (W19).

    Args:
        request: What is answered.
        name: Of the file, without ``.csv``: ASCII letters and hyphens.
        head: The first line.
        rows: The others.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}.csv"',
        }
    )
    await response.prepare(request)
    await response.write((_MARK + line(head)).encode("utf-8", "replace"))
    async for row in rows:
        await response.write(line(row).encode("utf-8", "replace"))
    await response.write_eof()
    return response
