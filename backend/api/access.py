"""Who may call: requests that the server refused, hosts, API keys, and how often one client may send a file."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Collection, Sequence

from flask import Flask, abort, request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from backend.api.clients import client_of
from backend.api.serving import CROWDED, NO_STORAGE, REFUSED, STALLED
from backend.errors import Busy, HostNotAllowed, StorageFailed, TooManyRequests, TooSlow, Unauthorized

# Probes have no key, nor has an <img>: frames' names are secret. A browser opens the documents before it knows a key,
# and they say nothing that the code does not.
OPEN_ROUTES = {"api.livez", "api.readyz", "api.frame", "docs.document", "docs.page", "docs.file"}
LIMITED_ROUTE = "api.predict"
PORT = re.compile(r":\d+\Z")


def register_access(app: Flask, hosts: Collection[str], keys: Sequence[str], rate_limit: str) -> None:
    """Check every request before its route is called; preflights carry no key, as browsers send none with them."""
    app.before_request(_refused_by_server)
    app.before_request(lambda: _check_host(hosts))
    if keys:
        known = [key.encode() for key in keys]
        app.before_request(lambda: _check_key(known))
    if rate_limit:
        limit, counters = parse(rate_limit), FixedWindowRateLimiter(MemoryStorage())

        @app.before_request
        def check_rate() -> None:
            client = client_of(request.remote_addr or "")
            if request.endpoint == LIMITED_ROUTE and request.method == "POST" and not counters.hit(limit, client):
                wait = max(1, round(counters.get_window_stats(limit, client).reset_time - time.time()))
                raise TooManyRequests(f"At most {limit} are accepted from one client; try again later.", wait)


def host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    return PORT.sub("", host.lower())


def _refused_by_server() -> None:
    status = request.environ.get(REFUSED)
    if status == STALLED:
        raise TooSlow("The request came too slowly and was given up.")
    if status == CROWDED:
        raise Busy("Too many files are being received; try again in a few seconds.")
    if status == NO_STORAGE:
        raise StorageFailed
    if status:
        abort(status)


def _check_host(hosts: Collection[str]) -> None:
    # Not TRUSTED_HOSTS, which knows names in lower case only and no IPv6 address.
    if host_name(request.host) not in hosts:
        raise HostNotAllowed("This service does not answer to that host name.")


def _check_key(known: Sequence[bytes]) -> None:
    if request.endpoint in OPEN_ROUTES or request.method == "OPTIONS":
        return
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    given = key.strip().encode("latin-1")  # as it came: WSGI hands bytes on as latin-1
    # All are compared, so that the time tells neither which key nor how much of it was right.
    matches = [hmac.compare_digest(given, one) for one in known]
    if scheme.lower() != "bearer" or not any(matches):
        raise Unauthorized("An API key is needed, as in `Authorization: Bearer <key>`.")
