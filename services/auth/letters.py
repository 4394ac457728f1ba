"""What our letters say: Korean, English below. A letter with a link gets its one-time token when it is written."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr

from services.auth import letter_tokens
from services.auth.tables import User

_IGNORE = "본인이 요청하지 않았다면 이 메일을 무시하세요. 아무 일도 일어나지 않습니다."
_IGNORE_EN = "If this was not you, ignore this mail; nothing will happen."

TEXTS = {
    "verify": (
        "메일 주소를 확인해 주세요 · Confirm your address",
        "누군가 이 메일 주소로 이코에코에 가입했습니다. 본인이라면 24시간 안에 아래 주소를 열어 확인해 주세요.\n"
        "{link}\n"
        "본인이 아니라면 열지 마세요.",
        "Somebody registered at Eco² with this address. If it was you, open the link above within 24 hours.\n"
        "If it was not you, do not open it.",
    ),
    "taken": (
        "이미 가입된 주소입니다 · You have an account",
        "누군가 이 메일 주소로 이코에코에 가입하려 했지만, 이미 계정이 있습니다. 계정은 그대로입니다.\n"
        "비밀번호를 잊었다면 로그인 화면에서 새로 정할 수 있습니다: {page}",
        "Somebody tried to register at Eco² with this address, which has an account already. Nothing has changed.\n"
        "If you have forgotten the password, you can set a new one where you sign in.",
    ),
    "waiting": (
        "확인되지 않은 계정이 있습니다 · An account waits for you",
        "누군가 이 메일 주소로 이코에코에 다시 가입하려 했습니다. 이 주소에는 아직 확인되지 않은 계정이 있습니다.\n"
        "본인이라면 30분 안에 아래 주소에서 비밀번호를 정하세요. 그러면 주소가 확인되고, 다른 모든 로그인은 끝납니다.\n"
        "{link}\n" + _IGNORE,
        "Somebody registered again at Eco² with this address, which has an account that nobody has confirmed.\n"
        "If it was you, set your own password within 30 minutes by the link above: that confirms the address and ends\n"
        "every other sign-in. " + _IGNORE_EN,
    ),
    "reset": (
        "새 비밀번호 정하기 · Set a new password",
        "아래 주소에서 30분 안에 새 비밀번호를 정할 수 있습니다. 한 번만 쓸 수 있습니다.\n{link}\n" + _IGNORE,
        "Set a new password by the link above within 30 minutes; it works once. " + _IGNORE_EN,
    ),
    "password_changed": (
        "비밀번호가 바뀌었습니다 · Your password was changed",
        "이코에코 계정의 비밀번호가 바뀌었고, 다른 로그인은 모두 끝났습니다.\n"
        "본인이 아니라면 곧바로 비밀번호를 새로 정하세요: {page}",
        "The password of your Eco² account was changed, and other sign-ins have ended.\n"
        "If it was not you, set a new one at once.",
    ),
    "linked": (
        "새로운 로그인 방법 · A new way to sign in",
        "같은 메일 주소의 외부 계정으로 이코에코에 로그인할 수 있게 되었습니다. 비밀번호는 그대로입니다.\n"
        "비밀번호를 모르거나 본인이 아니라면 새로 정하세요: {page}",
        "An account elsewhere with this same address can now sign in to your Eco² account. Your password stays.\n"
        "If you do not know that password, or this was not you, set a new one.",
    ),
    "taken_over": (
        "계정이 확인되었습니다 · Your account is confirmed",
        "외부 계정으로 로그인하여 메일 주소가 확인되었습니다. 확인 전에 정해진 비밀번호와 로그인은 모두 지웠습니다.\n"
        "비밀번호도 쓰려면 새로 정하세요: {page}",
        "By signing in elsewhere you proved this address. The password and the sign-ins from before were removed.\n"
        "Set a new password if you want one.",
    ),
    "deleted": (
        "계정을 지웠습니다 · Your account was deleted",
        "이코에코 계정과 그 기록을 지웠습니다. 그동안 함께해 주셔서 고맙습니다.",
        "Your Eco² account and what belonged to it were deleted. Thank you for having been with us.",
    ),
}

PURPOSES = {"verify": "verify", "waiting": "reset", "reset": "reset"}


@dataclass(frozen=True)
class Stationery:
    """Whom letters are from, the page that their links open, and how long those are good."""

    sender: str
    page: str
    verify_ttl_s: float
    reset_ttl_s: float


def compose(kind: str, recipient: str, stationery: Stationery) -> EmailMessage | None:
    """The letter, or None when there is nothing to be said: nobody has the address, or it is verified already."""
    token = ""
    if kind != "deleted":
        user = User.get_or_none(email=recipient)
        if user is None or (kind == "verify" and user.verified_at is not None):
            return None
        if purpose := PURPOSES.get(kind):
            ttl_s = stationery.verify_ttl_s if purpose == "verify" else stationery.reset_ttl_s
            token = letter_tokens.make(user, purpose, ttl_s)
    return _message(kind, recipient, token, stationery)


def _message(kind: str, recipient: str, token: str, stationery: Stationery) -> EmailMessage:
    subject, korean, english = TEXTS[kind]
    # Behind the #, so that the token is in no server's log and in no Referer.
    link = f"{stationery.page}#{PURPOSES.get(kind, '')}={token}"
    message = EmailMessage()
    message["Subject"] = f"[이코에코] {subject}"
    message["From"] = stationery.sender
    message["To"] = recipient
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=parseaddr(stationery.sender)[1].partition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    text = f"{korean}\n\n--\n{english}\n".format(link=link, page=stationery.page)
    message.set_content(text, cte="8bit" if text.isascii() else "base64")
    return message
