"""What browsers need to hear: which other origins may call (CORS), and what no page may do with an answer."""

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-CSRF-Token, traceparent"
)
EXPOSED_HEADERS = "ETag, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
PREFLIGHT_S = 600

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-site",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
HSTS = "max-age=31536000; includeSubDomains"


def preflight(request: Request, methods: list[str], origins: set[str]) -> Response:
    """The answer to OPTIONS: the methods here, and to a browser's question whether its page may use them."""
    response = Response(status=204, headers={"Allow": ", ".join([*methods, "OPTIONS"])})
    if request.headers.get("Origin") in origins and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
    return response


def protect(request: Request, headers: Headers, origins: set[str], https: bool) -> None:
    """Add the headers that every answer has."""
    for name, value in SECURITY.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", NO_PAGE)
    if https:
        headers["Strict-Transport-Security"] = HSTS
    if origins:
        headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin in origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
