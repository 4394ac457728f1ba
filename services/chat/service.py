"""The chat service: questions and answers over RPC."""

from typing import Any

from nameko.rpc import rpc

from services.chat import answers, conversations, tables
from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.rpc import Remote
from services.kernel.service import EcoService


class ChatService(EcoService):
    """Conversations about waste, answered from the rules. Owns the schema ``chat``."""

    name = "chat"

    database = Database(tables.ALL)
    recycle = Remote("recycle")

    @rpc(expected_exceptions=Problem)
    def start(self, owner: str | None = None) -> dict[str, str]:
        """A new conversation: ``{"conversation_id"}``."""
        return {"conversation_id": conversations.start(owner)}

    @rpc(expected_exceptions=Problem)
    def post(self, conversation_id: str, message: str, owner: str | None = None) -> dict[str, Any]:
        """``{"message_id", "answer", "provider", "items", "suggestions"}``; question and answer are kept."""
        return conversations.post(conversation_id, message, owner, self.recycle)

    @rpc(expected_exceptions=Problem)
    def messages(self, conversation_id: str, owner: str | None = None, limit: int = 50) -> dict[str, Any]:
        """``{"messages": [...]}``: the last `limit`, the oldest of them first."""
        return {"messages": conversations.messages(conversation_id, owner, limit)}

    @rpc(expected_exceptions=Problem)
    def delete(self, conversation_id: str, owner: str | None = None) -> None:
        """Raises `NotFound` ``conversation_not_found``."""
        conversations.delete(conversation_id, owner)

    @rpc(expected_exceptions=Problem)
    def suggestions(self) -> dict[str, list[str]]:
        """``{"suggestions", "suggestions_en"}``: questions to begin with."""
        return {"suggestions": answers.suggestions("ko"), "suggestions_en": answers.suggestions("en")}
