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
    return answer(call.services.recycle.item(item_id, call.request.args.get("lang", "ko")), headers=KEPT)


def search(call: Call) -> Response:
    return answer(call.services.recycle.search(call.text("q"), call.whole("limit", 10)))


def rules(call: Call, item_id: str) -> Response:
    situations = call.choices("situations") or []
    language = call.request.args.get("lang", "ko")
    return answer(call.services.recycle.rules(item_id, situations, language), headers=KEPT)


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
