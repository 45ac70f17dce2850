"""The server: the API, the page's own files, and their start on this machine's own address."""

from __future__ import annotations

import signal
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from dance2music.errors import InputError
from dance2music.studio.library import Library
from dance2music.studio.runner import Limits, Runner

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class StudioConfig:
    """How the studio is started: see ``dance2music studio --help``."""

    host: str = "127.0.0.1"
    port: int = 0
    browser: bool = True
    limits: Limits = field(default_factory=Limits)


def serve(folder: str | Path, config: StudioConfig | None = None, *, say: Any = print) -> None:
    """Open a library and serve it until interrupted.

    Raises
    ------
    InputError
        As `Library`; if the extra ``studio`` is not installed; if the address cannot be used.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise InputError(
            f"studio: {error.name} is not installed; install the extra: pip install 'dance2music[studio]', or in a checkout make studio"
        ) from error
    from dance2music.studio.guard import Door

    config = config or StudioConfig()
    library = Library(folder)
    with _socket(config) as listening:
        port = listening.getsockname()[1]
        door = Door(frozenset(LOOPBACK if config.host in LOOPBACK else (*LOOPBACK, config.host)), port)
        address = f"http://{'127.0.0.1' if config.host in LOOPBACK else config.host}:{port}/?token={door.token}"
        if config.host not in LOOPBACK:
            say(f"Warning: {config.host} can be reached by others on your network; whoever has the token can use this library")
        say(f"The studio is open: {address}")
        say(f"Library: {library.folder.resolve()}{' (read-only)' if library.read_only else ''}. Ctrl-C closes it.")
        if config.browser:
            webbrowser.open(address)
        options: dict[str, Any] = {"log_level": "warning", "server_header": False, "timeout_graceful_shutdown": 1, "ws": "none"}
        app = application(library, door, config.limits, say=say)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", **options))
        try:
            with _closed_by_signals(server, app.state.events.close):
                server.run(sockets=[listening])
        finally:
            library.close()


@contextmanager
def _closed_by_signals(server: Any, close_events: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM are how a studio is closed, no interruption of it: uvicorn raises them again when it has ended.

    Connections of pages that listen for events never end by themselves; uvicorn would wait for them and report each as an error.
    """
    handle_exit = server.handle_exit

    def closing(number: int, frame: Any) -> None:
        close_events()
        handle_exit(number, frame)

    server.handle_exit = closing
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def close(number: int, frame: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, close) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def application(library: Library, door: Any, limits: Limits | None = None, *, say: Callable[[str], object] = lambda _: None) -> Any:
    """The studio as an ASGI application; its queue runs between its start and its end, of which ``say`` is told."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from dance2music.studio.api import Endpoint, Studio, body_of
    from dance2music.studio.endpoints import ENDPOINTS
    from dance2music.studio.events import Events
    from dance2music.studio.guard import Guard
    from dance2music.studio.library import ReadOnly
    from dance2music.studio.uploads import Refused

    studio = Studio(library, Runner(library, limits), Events())
    page = {path.name: path.read_bytes() for path in _page_files()}

    def route(endpoint: Endpoint) -> Route:
        async def handle(request: Request) -> Response:
            answer = await endpoint.handler(studio, request, await body_of(endpoint, request))
            return answer

        return Route(endpoint.path, handle, methods=[endpoint.method])

    async def page_file(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in page:
            return JSONResponse({"error": "there is no such page"}, 404)
        kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
        return Response(page[name], media_type=kinds[name.rpartition(".")[2]], headers={"cache-control": "no-cache"})

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status if isinstance(error, Refused) else 403 if isinstance(error, ReadOnly) else 507
        return JSONResponse({"error": str(error)}, status)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        studio.events.start()
        library.changed = studio.events.tell
        studio.runner.told = lambda job: studio.events.tell("jobs", job)
        if not library.read_only:
            studio.runner.start()
        yield
        studio.events.stop()
        studio.runner.stop()
        with suppress(OSError):  # nobody reads any more
            say("The studio is closed. What was made is kept; what was being made begins again when the studio is opened.")

    routes = [*(route(endpoint) for endpoint in ENDPOINTS), Route("/", page_file), Route("/page/{name}", page_file)]
    guarded = [Middleware(Guard, door=door)]
    app = Starlette(routes=routes, lifespan=lifespan, middleware=guarded, exception_handlers={InputError: refused})
    app.state.events = studio.events
    return app


def _page_files() -> list[Any]:
    folder = files("dance2music.studio").joinpath("page")
    return [path for path in folder.iterdir() if path.name.endswith((".html", ".js", ".css", ".svg"))]


def _socket(config: StudioConfig) -> socket.socket:
    """A listening socket: that port, or any that is free for port 0."""
    host = "127.0.0.1" if config.host == "localhost" else config.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, config.port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"studio: {config.host} port {config.port} cannot be used ({reason}); choose another --port") from error
    return listening
