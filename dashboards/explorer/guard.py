"""Refuse requests that a page of another site could cause: under a foreign host name, or from a frame in it."""

from flask import Flask, Response, abort, request

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Dash writes its settings inline; WebGL plots compile code
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "frame-ancestors 'none'",
        "form-action 'none'",
        "base-uri 'none'",
    )
)


def guard(server: Flask) -> None:
    """Answer 403 unless the Host header names this machine, and let pages load nothing from elsewhere.

    Otherwise a site whose name is made to point at 127.0.0.1 (DNS rebinding) could read the store through the
    visitor's browser.
    """

    @server.before_request
    def refuse_foreign_names() -> None:
        name = request.host.rpartition(":")[0] or request.host
        if name not in LOCAL_NAMES:
            abort(403, "the explorer must be opened as 127.0.0.1 or localhost.")

    @server.after_request
    def load_nothing_from_elsewhere(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
