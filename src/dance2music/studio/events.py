"""What happens in the library, told to every open page as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from dance2music.documents import json_text

_QUEUED = 1000
_BEAT_SECONDS = 15.0
"""So often something is said, that a closed connection is noticed."""


class Events:
    """A page that falls behind is told to load everything anew; nothing here waits for a page."""

    def __init__(self) -> None:
        self._pages: set[asyncio.Queue[str]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def start(self) -> None:
        """Called in the server's loop before anything is told."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """End all connections, from any thread and from the handler of a signal; those that come now end at once."""
        self._closed = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        """End all connections, in the server's loop."""
        self._closed = True
        for page in self._pages:
            while page.full():
                page.get_nowait()
            page.put_nowait("")
        self._loop = None

    def tell(self, kind: str, data: Any) -> None:
        """Tell every page, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._spread, f"event: {kind}\ndata: {json_text(data)}\n\n")

    async def listen(self) -> AsyncIterator[str]:
        """The events of one connection, from now on."""
        page: asyncio.Queue[str] = asyncio.Queue(_QUEUED)
        self._pages.add(page)
        try:
            yield "retry: 1000\n\n"
            while not self._closed or not page.empty():
                try:
                    text = await asyncio.wait_for(page.get(), _BEAT_SECONDS)
                except TimeoutError:
                    text = ": still here\n\n"
                if not text:
                    return
                yield text
        finally:
            self._pages.discard(page)

    def _spread(self, text: str) -> None:
        for page in self._pages:
            if page.full():
                while not page.empty():
                    page.get_nowait()
                page.put_nowait("event: anew\ndata: {}\n\n")
            else:
                page.put_nowait(text)
