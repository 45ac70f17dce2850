"""Who may talk to the server: the owner of the token, from a page of the server itself; and what a page may load."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
)
"""Nothing comes from another host, and nothing that stands in a page is run or drawn but our own files."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_WELCOME = """<!doctype html><html lang="en"><title>dance2music studio</title><h1>This address needs its token</h1>
<p>Open the whole address that <code>dance2music studio</code> printed in your terminal. A token holds until the studio is closed.</p>"""


@dataclass(frozen=True)
class Door:
    """The addresses under which the server answers, and its token."""

    hosts: frozenset[str]
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def cookie(self) -> str:
        """Cookies know no ports, so the name has it."""
        return f"dance2music-studio-{self.port}"

    def knows_host(self, host: str) -> bool:
        """Whether a Host header is one of ours: a page of another name that points here is turned away."""
        return host.lower() in {f"{name}:{self.port}" for name in self.hosts}

    def knows_origin(self, origin: str) -> bool:
        """Whether an Origin header is a page of ours."""
        return origin.startswith("http://") and self.knows_host(origin.removeprefix("http://"))

    def knows_token(self, given: str) -> bool:
        """Whether it is the token."""
        return hmac.compare_digest(given.encode(), self.token.encode())


class Guard:
    """Middleware that lets requests in which belong here (else 401, 403, 421), and puts `HEADERS` on every answer."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        answer = self._refusal(scope)
        await (self.app if answer is None else answer)(scope, receive, marked)

    def _refusal(self, scope: MutableMapping[str, Any]) -> Response | None:
        headers, door = Headers(scope=scope), self.door
        if not door.knows_host(headers.get("host", "")):
            return _error(421, "this server is not known by that name")
        origin = headers.get("origin")
        if origin is not None and not door.knows_origin(origin):
            return _error(403, "requests from pages of others are refused")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and scope["path"] != "/":
            return _error(403, "requests from pages of others are refused")
        asked = QueryParams(scope["query_string"]).get("token")
        if scope["path"] == "/" and scope["method"] == "GET" and asked is not None and door.knows_token(asked):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(door.cookie, door.token, httponly=True, samesite="strict", path="/")
            return answer
        bearer = headers.get("authorization", "").partition("Bearer ")[2]
        if not (door.knows_token(_cookie(headers, door.cookie)) or door.knows_token(bearer)):
            if scope["path"] == "/":
                return HTMLResponse(_WELCOME, 401)
            return _error(401, "the token is missing or of another run; open the address that the studio printed")
        return None


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status)
