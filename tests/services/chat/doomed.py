"""A chat process of its own, for tests that kill it."""

from services.chat.service import ChatService


class DoomedChatService(ChatService):
    """As the chat service, called by a name of its own."""

    name = "doomed_chat"
