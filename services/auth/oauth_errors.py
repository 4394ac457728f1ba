"""Why a sign-in at a provider came to nothing."""

from services.kernel.errors import Forbidden, NotFound, Unauthenticated, Unavailable, Unprocessable


def not_configured() -> NotFound:
    return NotFound("provider_not_configured", "Signing in with this provider is not offered here.")


def state_invalid() -> Unprocessable:
    """Unknown, used before, too old, of another provider or of another browser: no answer tells which."""
    return Unprocessable("oauth_state_invalid", "This sign-in was not begun here, or too long ago: begin again.")


def denied() -> Forbidden:
    return Forbidden("oauth_denied", "The sign-in was cancelled at the provider.")


def refused() -> Unauthenticated:
    """The provider does not accept the code, or what it says about the user is not acceptable."""
    return Unauthenticated("oauth_refused", "The provider did not confirm this sign-in: begin again.")


def unavailable() -> Unavailable:
    return Unavailable("provider_unavailable", "The provider does not answer as it should. Try again shortly.")
