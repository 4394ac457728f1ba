"""The HTTP side of auth, user, location, recycle and chat: each route is one call to its domain."""

from werkzeug.wrappers import Response

from services.gateway.http import Call, answer

KEPT = {"Cache-Control": "public, max-age=300"}  # five minutes: keys rotate, rules are corrected


# auth


def register(call: Call) -> Response:
    return answer(call.services.auth.register(**call.fields(("email", "password", "name"))), 201)


def login(call: Call) -> Response:
    return answer(call.services.auth.login(**call.fields(("email", "password"))))


def refresh(call: Call) -> Response:
    return answer(call.services.auth.refresh(**call.fields(("refresh_token",))))


def logout(call: Call) -> Response:
    call.services.auth.logout(**call.fields(("refresh_token",)))
    return Response(status=204)


def account(call: Call) -> Response:
    return answer(call.services.auth.me(call.user()))


def jwks(call: Call) -> Response:
    return answer(call.services.auth.jwks(), headers=KEPT)


# user


def profile(call: Call) -> Response:
    return answer(call.services.userinfo.profile(call.user()))


def change_profile(call: Call) -> Response:
    return answer(call.services.userinfo.update_profile(call.user(), call.json()))


def history(call: Call) -> Response:
    before = call.request.args.get("before")
    return answer(call.services.userinfo.history(call.user(), call.whole("limit", 20), before))


def points(call: Call) -> Response:
    return answer(call.services.userinfo.points(call.user()))


# location


def nearest(call: Call) -> Response:
    found = call.services.location.nearest(
        call.number("lat"),
        call.number("lon"),
        call.whole("radius", 1000),
        call.choices("kinds"),
        call.whole("limit", 20),
        call.flag("open_now"),
    )
    return answer(found)


def point(call: Call, point_id: str) -> Response:
    return answer(call.services.location.point(point_id))


def point_kinds(call: Call) -> Response:
    return answer(call.services.location.kinds(), headers=KEPT)


# recycle


def categories(call: Call) -> Response:
    return answer(call.services.recycle.categories(), headers=KEPT)


def item(call: Call, item_id: str) -> Response:
    asked = call.request.args
    return answer(call.services.recycle.item(item_id, asked.get("lang", "ko"), asked.get("region")), headers=KEPT)


def search(call: Call) -> Response:
    return answer(call.services.recycle.search(call.text("q"), call.whole("limit", 10)))


def rules(call: Call, item_id: str) -> Response:
    situations = call.choices("situations") or []
    asked = call.request.args
    ruled = call.services.recycle.rules(item_id, situations, asked.get("lang", "ko"), asked.get("region"))
    return answer(ruled, headers=KEPT)


def points_in(call: Call) -> Response:
    south, west, north, east = (call.number(side) for side in ("south", "west", "north", "east"))
    zoom = call.whole("zoom", 14)
    return answer(call.services.location.points_in(south, west, north, east, zoom, call.choices("kinds")))


def search_points(call: Call) -> Response:
    kinds, open_now, limit = call.choices("kinds"), call.flag("open_now"), call.whole("limit", 20)
    return answer(call.services.location.search(call.text("q"), kinds, open_now, limit))


def suggest_points(call: Call) -> Response:
    return answer(call.services.location.suggest(call.text("q"), call.whole("limit", 10)))


def suggest(call: Call) -> Response:
    return answer(call.services.recycle.suggest(call.text("q"), call.whole("limit", 8)), headers=KEPT)


def faq(call: Call) -> Response:
    asked = call.request.args
    return answer(call.services.recycle.faq(asked.get("lang", "ko"), asked.get("region")), headers=KEPT)


def regions(call: Call) -> Response:
    return answer(call.services.recycle.regions(), headers=KEPT)


# chat


def start_conversation(call: Call) -> Response:
    return answer(call.services.chat.start(call.viewer()), 201)


def post_message(call: Call, conversation_id: str) -> Response:
    message = call.fields(("message",))["message"]
    return answer(call.services.chat.post(conversation_id, message, call.viewer()))


def messages(call: Call, conversation_id: str) -> Response:
    return answer(call.services.chat.messages(conversation_id, call.viewer(), call.whole("limit", 50)))


def delete_conversation(call: Call, conversation_id: str) -> Response:
    call.services.chat.delete(conversation_id, call.viewer())
    return Response(status=204)


def suggestions(call: Call) -> Response:
    return answer(call.services.chat.suggestions(), headers=KEPT)
