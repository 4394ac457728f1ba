"""Every address of the API, in one table."""

from services.gateway.api import auth, chat, docs, location, operations, recycle, user, waste
from services.gateway.route import Route

ROUTES: tuple[Route, ...] = (
    *waste.ROUTES,
    *auth.ROUTES,
    *user.ROUTES,
    *location.ROUTES,
    *recycle.ROUTES,
    *chat.ROUTES,
    *operations.ROUTES,
    *docs.ROUTES,
)
