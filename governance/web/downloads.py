"""Bytes that are to be saved under a name, and never to be shown by a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Final
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

MEDIA_TYPE: Final = "application/octet-stream"
_AT_ONCE_BYTES: Final = 256 * 1024


def downloaded(content: bytes, name: str) -> Response:
    """A few bytes under a name."""
    return Response(content, media_type=MEDIA_TYPE, headers=_headers(name))


def downloaded_file(stream: BinaryIO, name: str) -> Response:
    """A file under a name. It is read from its beginning while it is sent, and closed afterwards.

    Args:
        stream: Open; its name may be gone already.
        name: To be saved under.
    """
    size = stream.seek(0, os.SEEK_END)
    return StreamingResponse(
        _pieces(stream), media_type=MEDIA_TYPE, headers=_headers(name) | {"Content-Length": str(size)}
    )


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        stream.seek(0)
        while piece := stream.read(_AT_ONCE_BYTES):
            yield piece


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
