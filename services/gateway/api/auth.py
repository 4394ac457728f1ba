"""Accounts, signing in, sessions: ``/api/auth``.

Who signs in chooses where the tokens are kept: by themselves ("token"), or in cookies that no script can read
("cookie"), for pages in a browser. What works with the refresh token takes it from the body, or else from its cookie,
and then asks for the proof that `services.gateway.cookies` describes.
"""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import ConfigDict, Field
from werkzeug.wrappers import Response

from services.gateway import cookies
from services.gateway.call import Call
from services.gateway.route import Route
from services.gateway.shapes import Answer, Body, Query, Time, Uuid
from services.kernel.arguments import Line
from services.kernel.errors import NotFound, Problem, Unauthenticated

OAUTH = "__Secure-eco2_oauth"
OAUTH_PATH = "/api/auth/oauth"

Provider = Literal["google", "kakao", "naver"]
Method = Literal["password", "google", "kakao", "naver"]
Email = Annotated[str, Line(3, 254), Field(json_schema_extra={"format": "email"})]
NewPassword = Annotated[str, Field(min_length=10, max_length=128, description="10 to 128 characters")]
Password = Annotated[str, Field(min_length=1, max_length=128)]
Token = Annotated[str, Field(min_length=1, max_length=128)]


class Registration(Body):
    email: Email
    password: NewPassword
    name: Annotated[str, Line(1, 30)]


class Credentials(Body):
    email: Email
    password: Password
    session: Literal["token", "cookie"] = Field("token", description="where the tokens are kept")


class RefreshToken(Body):
    refresh_token: Token | None = Field(None, description="without it the cookie's")


class Link(Body):
    token: Token = Field(description="from the link in the letter")


class Address(Body):
    email: Email


class NewPasswordByLink(Body):
    token: Token = Field(description="from the link in the letter")
    password: NewPassword


class PasswordChange(Body):
    old: Password
    new: NewPassword


class Deletion(Body):
    password: Password | None = Field(
        None, description="of accounts that have one; the others need a session that has just begun"
    )


class Latest(Query):
    limit: int = Field(50, ge=1, le=200)


class Begin(Query):
    redirect_to: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="one of the pages that are allowed, exactly; by default the first"
    )


class Callback(Query):
    """What a provider sends along; each sends more than this."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    state: Annotated[str, Field(max_length=4096)] = ""
    code: Annotated[str, Field(max_length=4096)] | None = None
    error: Annotated[str, Field(max_length=200)] | None = None
    iss: Annotated[str, Field(max_length=500)] | None = None


class Sent(Answer):
    """The same for every address, whether somebody has it or not."""

    status: Literal["verification_sent", "reset_sent"]


class Tokens(Answer):
    """`expires_in`: seconds. Both tokens are null where they are kept in cookies."""

    token_type: Literal["Bearer"]
    expires_in: int
    access_token: str | None
    refresh_token: str | None


class Account(Answer):
    """`verified`: the address is proven. `email` is null where a provider vouched for none."""

    user_id: Uuid
    email: str | None
    name: str
    verified: bool
    has_password: bool
    providers: list[Provider]
    created_at: Time


class Session(Answer):
    session_id: Uuid
    method: Method
    address: str | None
    user_agent: str | None
    created_at: Time
    renewed_at: Time | None
    expires_at: Time
    current: bool


class Sessions(Answer):
    sessions: list[Session]


class Event(Answer):
    event: str
    at: Time
    address: str | None
    user_agent: str | None


class Events(Answer):
    events: list[Event]


class Key(Answer):
    """A public key (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class Keys(Answer):
    keys: list[Key]


class Providers(Answer):
    providers: list[Provider]


# Accounts


def register(call: Call, body: Registration) -> Any:
    return call.services.auth.register(body.email, body.password, body.name, call.client)


def verify(call: Call, body: Link) -> None:
    call.services.auth.verify_email(body.token, call.client)


def resend(call: Call, body: Address) -> Any:
    return call.services.auth.resend_verification(body.email)


def account(call: Call) -> Any:
    return call.services.auth.me(call.user)


def delete(call: Call, body: Deletion) -> Response:
    call.services.auth.delete_account(call.user, call.session.get("session_id"), body.password, call.client)
    return _signed_out()


def audit(call: Call, query: Latest) -> Any:
    return call.services.auth.audit(call.user, query.limit)


# Passwords


def change_password(call: Call, body: PasswordChange) -> None:
    session_id = call.session.get("session_id")
    call.services.auth.change_password(call.user, body.old, body.new, session_id, call.client)


def forgot_password(call: Call, body: Address) -> Any:
    return call.services.auth.forgot_password(body.email)


def reset_password(call: Call, body: NewPasswordByLink) -> None:
    call.services.auth.reset_password(body.token, body.password, call.client)


# Sessions


def login(call: Call, body: Credentials) -> Any:
    pair = call.services.auth.login(body.email, body.password, call.client)
    return _in_cookies(call, pair) if body.session == "cookie" else pair


def refresh(call: Call, body: RefreshToken) -> Any:
    if body.refresh_token is not None:
        return call.services.auth.refresh(body.refresh_token, call.client)
    return _in_cookies(call, call.services.auth.refresh(_cookies_token(call), call.client))


def logout(call: Call, body: RefreshToken) -> Response:
    if body.refresh_token is not None:
        call.services.auth.logout(body.refresh_token, call.client)
        return Response(status=204)
    call.services.auth.logout(_cookies_token(call), call.client)
    return _signed_out()


def logout_everywhere(call: Call) -> Response:
    call.services.auth.logout_everywhere(call.user, call.client)
    return _signed_out()


def sessions(call: Call) -> Any:
    return call.services.auth.sessions(call.user, call.session.get("session_id"))


def end_session(call: Call, session_id: str) -> None:
    call.services.auth.end_session(call.user, session_id, call.client)


def jwks(call: Call) -> Any:
    return call.services.auth.jwks()


# Signing in elsewhere


def providers(call: Call) -> Any:
    return call.services.auth.oauth_providers()


def begin(call: Call, provider: str, query: Begin) -> Response:
    begun = call.services.auth.oauth_start(provider, query.redirect_to)
    response = _redirect(begun["authorize_url"])
    # Lax: it must come along when the provider sends the browser back here.
    response.set_cookie(
        OAUTH, begun["browser"], begun["expires_in"], path=OAUTH_PATH, secure=True, httponly=True, samesite="Lax"
    )
    return response


def callback(call: Call, provider: str, query: Callback) -> Response:
    """The browser sees no JSON here: it ends at a page of ours, signed in, or with ``#sign_in_error=<code>``."""
    browser = call.request.cookies.get(OAUTH, "")
    try:
        done = call.services.auth.oauth_finish(
            provider, query.code, query.state, browser, query.error, query.iss, call.client
        )
    except Problem as problem:
        response = _redirect(f"{call.settings.oauth.return_to[0]}#sign_in_error={quote(problem.code)}")
    else:
        response = _redirect(done["redirect_to"])
        cookies.sign_in(response, done, call.settings.auth.refresh_ttl_s)
    response.delete_cookie(OAUTH, path=OAUTH_PATH, secure=True, httponly=True, samesite="Lax")
    return response


def _in_cookies(call: Call, pair: dict[str, Any]) -> Response:
    """The tokens as cookies, and an answer without them."""
    shown = Tokens.model_validate({**pair, "access_token": None, "refresh_token": None})
    response = Response(shown.model_dump_json(), content_type="application/json")
    cookies.sign_in(response, pair, call.settings.auth.refresh_ttl_s)
    return response


def _cookies_token(call: Call) -> str:
    """The refresh token of a page's own cookie. Raises `Unauthenticated`, or `Forbidden` for a foreign page."""
    token = cookies.refresh_token(call.request)
    if token is None:
        raise Unauthenticated("token_missing", "Send the refresh token, or sign in with cookies.")
    call.services.edge.check_origin(call.request)
    return token


def _signed_out() -> Response:
    response = Response(status=204)
    cookies.sign_out(response)
    return response


def _redirect(url: str) -> Response:
    return Response(status=302, headers={"Location": url})


ROUTES = (
    Route(
        "POST",
        "/api/auth/register",
        register,
        "A new account; the address gets a letter, whether somebody has it or not",
        body=Registration,
        answer=Sent,
        status=202,
        limit="sign_in",
    ),
    Route("POST", "/api/auth/verify", verify, "Prove an address by a letter", body=Link, status=204, limit="sign_in"),
    Route(
        "POST",
        "/api/auth/verify/resend",
        resend,
        "Another letter that proves the address",
        body=Address,
        answer=Sent,
        status=202,
        limit="mail",
    ),
    Route(
        "POST",
        "/api/auth/login",
        login,
        "Sign in with a password",
        body=Credentials,
        answer=Tokens,
        limit="sign_in",
        problems=(Unauthenticated,),
    ),
    Route(
        "POST",
        "/api/auth/refresh",
        refresh,
        "A new pair of tokens; a refresh token is good for one use",
        body=RefreshToken,
        answer=Tokens,
        problems=(Unauthenticated,),
    ),
    Route(
        "POST",
        "/api/auth/logout",
        logout,
        "End the session, with its access tokens",
        body=RefreshToken,
        status=204,
        problems=(Unauthenticated,),
    ),
    Route(
        "POST",
        "/api/auth/logout-everywhere",
        logout_everywhere,
        "End all of the user's sessions",
        status=204,
        auth="user",
    ),
    Route(
        "POST",
        "/api/auth/password",
        change_password,
        "Change the password; ends all other sessions",
        body=PasswordChange,
        status=204,
        auth="user",
        limit="sign_in",
        problems=(NotFound,),
    ),
    Route(
        "POST",
        "/api/auth/password/forgot",
        forgot_password,
        "A letter that sets a new password",
        body=Address,
        answer=Sent,
        status=202,
        limit="mail",
    ),
    Route(
        "POST",
        "/api/auth/password/reset",
        reset_password,
        "Set a new password by a letter; ends all sessions",
        body=NewPasswordByLink,
        status=204,
        limit="sign_in",
    ),
    Route("GET", "/api/auth/me", account, "The account", answer=Account, auth="user", problems=(NotFound,)),
    Route(
        "DELETE",
        "/api/auth/me",
        delete,
        "Delete the account and all that belongs to it",
        body=Deletion,
        status=204,
        auth="user",
        limit="sign_in",
        problems=(NotFound,),
    ),
    Route("GET", "/api/auth/sessions", sessions, "The user's live sessions", answer=Sessions, auth="user"),
    Route(
        "DELETE",
        "/api/auth/sessions/<session_id>",
        end_session,
        "End one of the user's sessions",
        status=204,
        auth="user",
    ),
    Route(
        "GET",
        "/api/auth/audit",
        audit,
        "What happened to the account, the latest first",
        query=Latest,
        answer=Events,
        auth="user",
    ),
    Route("GET", "/api/auth/jwks.json", jwks, "The public keys of the access tokens", answer=Keys, kept_s=300),
    Route("GET", "/api/auth/oauth", providers, "Where else one can sign in", answer=Providers),
    Route(
        "GET",
        "/api/auth/oauth/<provider>",
        begin,
        "To the provider, to sign in there",
        query=Begin,
        status=302,
        limit="sign_in",
    ),
    Route(
        "GET",
        "/api/auth/oauth/<provider>/callback",
        callback,
        "Back from the provider: signed in by cookies, and on to a page of ours",
        query=Callback,
        status=302,
        limit="sign_in",
    ),
)
