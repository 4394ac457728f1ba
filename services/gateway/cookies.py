"""Sessions of browsers: the tokens in cookies that no script can read, and proof that a request is the page's own.

    __Host-eco2_access      the access token; HttpOnly, Secure, SameSite=Lax
    __Secure-eco2_refresh   the refresh token; the same, sent to /api/auth only, SameSite=Strict
    __Host-eco2_csrf        a random value that the page's script reads and sends back as X-CSRF-Token

A request that changes something and is signed in by cookie must carry that header, and come from this origin or an
allowed one: a foreign page can neither read the cookie nor set the header
(https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html). Requests with
a bearer token need neither: no browser sends that by itself.
"""

import hmac
import secrets
from typing import Any

from werkzeug.wrappers import Request, Response

from services.kernel.errors import Forbidden

ACCESS, REFRESH, CSRF = "__Host-eco2_access", "__Secure-eco2_refresh", "__Host-eco2_csrf"
CSRF_HEADER = "X-CSRF-Token"
REFRESH_PATH = "/api/auth"


def sign_in(response: Response, pair: dict[str, Any], refresh_ttl_s: int) -> None:
    """Put a pair of tokens (auth's ``access_token``, ``expires_in``, ``refresh_token``) into cookies."""
    _set(response, ACCESS, pair["access_token"], pair["expires_in"])
    _set(response, REFRESH, pair["refresh_token"], refresh_ttl_s, path=REFRESH_PATH, samesite="Strict")
    _set(response, CSRF, secrets.token_urlsafe(24), refresh_ttl_s, httponly=False)


def sign_out(response: Response) -> None:
    """Take all three cookies back."""
    _set(response, ACCESS, "", 0)
    _set(response, REFRESH, "", 0, path=REFRESH_PATH, samesite="Strict")
    _set(response, CSRF, "", 0, httponly=False)


def access_token(request: Request) -> str | None:
    return request.cookies.get(ACCESS) or None


def refresh_token(request: Request) -> str | None:
    return request.cookies.get(REFRESH) or None


def check_origin(request: Request, allowed: set[str]) -> None:
    """That a changing request with cookies is from a page of ours. Raises `Forbidden` ``csrf_refused``."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/") and origin not in allowed:
        raise Forbidden("csrf_refused", "This page may not act for the signed-in user.")
    expected, given = request.cookies.get(CSRF, ""), request.headers.get(CSRF_HEADER, "")
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Forbidden("csrf_refused", f"Send the cookie {CSRF} back in the header {CSRF_HEADER}.")


def _set(
    response: Response,
    name: str,
    value: str,
    max_age_s: int,
    path: str = "/",
    httponly: bool = True,
    samesite: str = "Lax",
) -> None:
    response.set_cookie(name, value, max_age_s, path=path, secure=True, httponly=httponly, samesite=samesite)
