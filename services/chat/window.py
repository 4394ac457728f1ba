"""How much of what was said before the model is told: the last messages that fit into a number of tokens."""

from collections.abc import Iterable

from services.chat.tables import Message
from services.kernel.openai.turns import Said

MOST = 60
AROUND = 8
"""Tokens that an API adds around a message, at most."""


def tokens(text: str) -> int:
    """At least the tokens of `text`: these models' encodings work on bytes, so no token is less than one of UTF-8."""
    return len(text.encode()) + AROUND


def before(conversation_id: str, ordinal: int) -> list[Said]:
    """The last completed messages before the question that has `ordinal`, the oldest first."""
    earlier = (
        Message.select(Message.role, Message.content)
        .where(Message.conversation == conversation_id, Message.ordinal < ordinal, Message.state == "completed")
        .order_by(Message.ordinal.desc())
        .limit(MOST)
    )
    return [
        Said("user" if message.role == "user" else "assistant", message.content) for message in reversed(list(earlier))
    ]


def fitted(said: Iterable[Said], window_tokens: int) -> list[Said]:
    """The last of what was `said` that fit into the window, beginning with a question."""
    kept: list[Said] = []
    for one in reversed(list(said)):
        window_tokens -= tokens(one.text)
        if window_tokens < 0:
            break
        kept.insert(0, one)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return kept
