"""The page, on a port of its own: the files of one folder as they were at start, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from backend.api.access import host_name
from backend.api.headers import SECURITY_HEADERS
from backend.api.serving import REFUSED

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

INDEX = "/index.html"
CONFIG = "/config.json"
METHODS = ("GET", "HEAD")
LOOPBACK = ("127.0.0.1", "[::1]")
# Files of other kinds are not served. What the system takes them for is not asked: some call scripts plain text.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}
HEADERS = SECURITY_HEADERS | {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",  # browsers may keep it, and ask each time whether it is still the same
}
# It shows what the user chose or recorded (blob:) and the service's frames, and calls nobody but the service.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob: data: {service}; "
    "media-src blob:; connect-src 'self' {service}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class File:
    """A file of the page, held in memory."""

    content: bytes
    mimetype: str


@dataclass(frozen=True)
class PageSettings:
    """The service's port, hosts that requests may be addressed to, and origins whose pages may call the service."""

    service_port: int
    allowed_hosts: Collection[str]
    allowed_origins: Collection[str]


def create_page(folder: Path, settings: PageSettings) -> WSGIApplication:
    """The page as an application.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    files = read_files(folder)

    @Request.application
    def page(request: Request) -> Response:
        try:
            response = _answer(request, files, settings)
        except HTTPException as error:
            response = error.get_response(request.environ)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return page


def read_files(folder: Path) -> dict[str, File]:
    """All files that are served, by their paths; links are not followed.

    Raises:
        FileNotFoundError: there is no index among them.
    """
    paths = [path for path in folder.rglob("*") if path.suffix in TYPES and path.is_file() and not path.is_symlink()]
    files = {f"/{path.relative_to(folder).as_posix()}": File(path.read_bytes(), TYPES[path.suffix]) for path in paths}
    if INDEX not in files:
        raise FileNotFoundError(folder / INDEX[1:])
    return files | {"/": files[INDEX]}


def _answer(request: Request, files: Mapping[str, File], settings: PageSettings) -> Response:
    if REFUSED in request.environ:
        return Response(status=request.environ[REFUSED])
    name = host_name(request.host)
    if name not in settings.allowed_hosts:
        raise BadRequest("This page is not at that host name.")
    if request.method not in METHODS:
        raise MethodNotAllowed(METHODS)
    if name in LOOPBACK and f"http://{request.host}" not in settings.allowed_origins:
        port = request.host[len(name) :]
        return redirect(f"http://localhost{port}{request.full_path}", 307)
    service = f"http://{name}:{settings.service_port}"
    if request.path == CONFIG:
        return Response(f'{{"api": "{service}"}}\n', mimetype="application/json")
    if request.path not in files:
        raise NotFound
    file = files[request.path]
    response = Response(file.content, mimetype=file.mimetype)
    response.headers["Content-Security-Policy"] = POLICY.format(service=service)
    response.add_etag()
    return response.make_conditional(request)
