"""What is a user's own, and the leaderboard: ``/api/user``."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import eventlet
from pydantic import Field
from werkzeug.wrappers import Response

from services.gateway import cookies
from services.gateway.api.user_answers import (
    AvatarAccepted,
    Character,
    Characters,
    Day,
    History,
    Leaderboard,
    PointsEntries,
    PointsTotal,
    Profile,
    Settings,
    Statistics,
    Units,
)
from services.gateway.call import Call, File, Reply
from services.gateway.route import Route, Upload
from services.gateway.shapes import Body, Lang, Query
from services.kernel.arguments import Line, Lines
from services.kernel.errors import NotFound

ME = "/api/user/me"
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.0)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _absent(value: Any) -> Any:
    """A field that may be left out and then stays as it is; `value` only has the field's type."""
    return Field(value, json_schema_extra=_without_default)


Place = Annotated[str, Line(1, 50)] | None


class ProfileChanges(Body):
    """`region`: an id, a name or an address; null for the rules of the whole country."""

    nickname: Annotated[str, Line(1, 30)] = _absent("")
    bio: Annotated[str, Lines(0, 200)] = _absent("")
    region: Place = _absent(None)
    language: Lang = _absent("ko")


class NotificationChanges(Body):
    results: bool = _absent(True)
    weekly: bool = _absent(False)
    news: bool = _absent(False)


class SettingsChanges(Body):
    """`region` and `language` are those of the profile."""

    language: Lang = _absent("ko")
    region: Place = _absent(None)
    units: Units = _absent("metric")
    notifications: NotificationChanges = _absent(NotificationChanges())
    on_leaderboard: bool = _absent(False)


class AccountDeletion(Body):
    password: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        None, description="of accounts that have one; the others need a session that has just begun"
    )


class AvatarForm(Query):
    """No fields besides the picture."""


class HistoryPage(Query):
    limit: int = Field(20, ge=1, le=100)
    before: Annotated[str, Field(max_length=36)] | None = Field(None, description="`next` of the page before")


class EntryPage(Query):
    limit: int = Field(20, ge=1, le=100)
    before: Annotated[str, Field(max_length=60)] | None = Field(None, description="`next` of the page before")


class Period(Query):
    """Both days included; by default the last twelve weeks."""

    since: Day | None = None
    until: Day | None = Field(None, description="by default today")


class Board(Query):
    period: Literal["week", "all"] = Field("week", description="this week in Seoul, from Monday, or all time")
    limit: int = Field(20, ge=1, le=100)


def _expected(ask: Callable[[], Any]) -> Any:
    """What `ask` finds. Who has just registered may come before userinfo has heard of it: then a moment later."""
    for pause_s in PAUSES_S:
        try:
            return ask()
        except NotFound:
            eventlet.sleep(pause_s)
    return ask()


def profile(call: Call) -> Any:
    return _expected(lambda: call.services.userinfo.profile(call.user))


def change_profile(call: Call, body: ProfileChanges) -> Any:
    changes = body.model_dump(exclude_unset=True)
    return _expected(lambda: call.services.userinfo.update_profile(call.user, changes))


def delete_account(call: Call, body: AccountDeletion) -> Response:
    call.services.auth.delete_account(call.user, call.session.get("session_id"), body.password, call.client)
    response = Response(status=204)
    if cookies.access_token(call.request):
        cookies.sign_out(response)
    return response


def settings(call: Call) -> Any:
    return _expected(lambda: call.services.userinfo.settings(call.user))


def change_settings(call: Call, body: SettingsChanges) -> Any:
    changes = body.model_dump(exclude_unset=True)
    return _expected(lambda: call.services.userinfo.update_settings(call.user, changes))


def set_avatar(call: Call, file: File, form: AvatarForm) -> Any:
    task_id = _expected(lambda: call.services.userinfo.avatar_begin(call.user))["task_id"]
    side_px = call.settings.userinfo.avatar_side_px
    picture = call.services.photos.prepare(file.read, file.declared_type, square_px=side_px)
    call.services.tasks("image.store", picture.body, task_id=task_id, content_type=picture.content_type)
    return Reply({"status": "processing"}, headers={"Location": ME})


def remove_avatar(call: Call) -> Any:
    call.services.userinfo.avatar_remove(call.user)


def history(call: Call, query: HistoryPage) -> Any:
    return call.services.userinfo.history(call.user, query.limit, query.before)


def statistics(call: Call, query: Period) -> Any:
    return call.services.userinfo.statistics(call.user, query.since, query.until)


def points(call: Call) -> Any:
    return call.services.userinfo.points(call.user)


def point_entries(call: Call, query: EntryPage) -> Any:
    return call.services.userinfo.point_entries(call.user, query.limit, query.before)


def characters(call: Call) -> Any:
    return call.services.userinfo.characters(call.user)


def character(call: Call, code: str) -> Any:
    return call.services.userinfo.character(call.user, code)


def leaderboard(call: Call, query: Board) -> Any:
    return call.services.userinfo.leaderboard(call.viewer, query.period, query.limit)


ROUTES = (
    Route("GET", ME, profile, "Your profile", answer=Profile, auth="user", problems=(NotFound,)),
    Route(
        "PATCH",
        ME,
        change_profile,
        "Change your profile; what is left out stays",
        body=ProfileChanges,
        answer=Profile,
        auth="user",
        problems=(NotFound,),
    ),
    Route(
        "DELETE",
        ME,
        delete_account,
        "Delete your account and all that is yours",
        body=AccountDeletion,
        status=204,
        auth="user",
        limit="sign_in",
        problems=(NotFound,),
    ),
    Route("GET", f"{ME}/settings", settings, "Your settings", answer=Settings, auth="user", problems=(NotFound,)),
    Route(
        "PATCH",
        f"{ME}/settings",
        change_settings,
        "Change your settings; what is left out stays",
        body=SettingsChanges,
        answer=Settings,
        auth="user",
        problems=(NotFound,),
    ),
    Route(
        "PUT",
        f"{ME}/avatar",
        set_avatar,
        "Set your picture; its middle is cut out as a square",
        upload=Upload("image", AvatarForm),
        answer=AvatarAccepted,
        status=202,
        auth="user",
        limit="upload",
        problems=(NotFound,),
    ),
    Route(
        "DELETE",
        f"{ME}/avatar",
        remove_avatar,
        "Remove your picture",
        status=204,
        auth="user",
        problems=(NotFound,),
    ),
    Route(
        "GET",
        f"{ME}/history",
        history,
        "Your finished scans, the latest first",
        query=HistoryPage,
        answer=History,
        auth="user",
        problems=(NotFound,),
    ),
    Route(
        "GET",
        f"{ME}/statistics",
        statistics,
        "Your scans by class, kind and week, and an estimate of what they saved",
        query=Period,
        answer=Statistics,
        auth="user",
    ),
    Route("GET", f"{ME}/points", points, "Your points", answer=PointsTotal, auth="user"),
    Route(
        "GET",
        f"{ME}/points/entries",
        point_entries,
        "The ledger of your points, the latest entry first",
        query=EntryPage,
        answer=PointsEntries,
        auth="user",
        problems=(NotFound,),
    ),
    Route("GET", f"{ME}/characters", characters, "The characters, and which are yours", answer=Characters, auth="user"),
    Route("GET", f"{ME}/characters/<code>", character, "One character", answer=Character, auth="user"),
    Route(
        "GET",
        "/api/user/leaderboard",
        leaderboard,
        "The most points, among those who chose to be seen",
        query=Board,
        answer=Leaderboard,
        auth="optional",
        limit="search",
    ),
)
