"""The chat service: questions and answers over RPC."""

from typing import Any

from nameko.rpc import rpc

from services.chat import answers, conversations, messages, tables
from services.chat.asking import checked_options
from services.chat.domains import Domains
from services.chat.messages import Verdict
from services.chat.writers import Writers, lease_timer
from services.kernel.cache import Cache
from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.events import event_handler
from services.kernel.rpc import Remote
from services.kernel.service import EcoService


class ChatService(EcoService):
    """Conversations about waste. Owns the schema ``chat``."""

    name = "chat"

    database = Database(tables.ALL)
    cache = Cache()
    writers = Writers()
    recycle = Remote("recycle")
    location = Remote("location")
    waste = Remote("waste")

    @rpc(expected_exceptions=Problem)
    def start(self, owner: str | None = None, title: str | None = None) -> dict[str, Any]:
        """A new conversation: ``{"conversation_id", "title", "writing", "created_at", "updated_at"}``."""
        return conversations.start(owner, title)

    @rpc(expected_exceptions=Problem)
    def conversations(self, owner: str, limit: int = 20, cursor: str | None = None) -> dict[str, Any]:
        """``{"conversations", "next"}``, the latest first; pass `next` as `cursor` for the following page."""
        return conversations.listed(owner, limit, cursor)

    @rpc(expected_exceptions=Problem)
    def conversation(self, conversation_id: str, owner: str | None = None) -> dict[str, Any]:
        """Raises `NotFound` ``conversation_not_found``."""
        return conversations.read(conversation_id, owner)

    @rpc(expected_exceptions=Problem)
    def rename(self, conversation_id: str, title: str, owner: str | None = None) -> dict[str, Any]:
        """The conversation with its new title. Raises `NotFound`."""
        return conversations.rename(conversation_id, title, owner)

    @rpc(expected_exceptions=Problem)
    def delete(self, conversation_id: str, owner: str | None = None) -> None:
        """Delete it with all that was said. Raises `NotFound`."""
        self.writers.forget(conversations.delete(conversation_id, owner))

    @rpc(expected_exceptions=Problem)
    def post(
        self,
        conversation_id: str,
        message: str,
        owner: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> dict[str, str]:
        """Ask: ``{"message_id", "answer_id"}`` at once; the answer is written behind. `options`: `messages.Options`.

        Raises `Conflict` ``answer_in_progress``, `Unavailable` ``chat_busy``, and for the options what the services
        raise that know regions and scans.
        """
        messages.readable(conversation_id, message, owner)
        checked = checked_options(options, owner, self.recycle, self.waste)
        with self.writers.place() as begin:
            posted = messages.post(conversation_id, message, owner, checked, self.writers.settings.lease_s)
            begin(posted["answer_id"], self._domains())
        return posted

    @rpc(expected_exceptions=Problem)
    def messages(
        self, conversation_id: str, owner: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        """``{"messages", "next"}``: the last `limit`, the oldest of them first; `next` leads to those before."""
        return messages.listed(conversation_id, owner, limit, cursor)

    @rpc(expected_exceptions=Problem)
    def message(self, conversation_id: str, message_id: str, owner: str | None = None) -> dict[str, Any]:
        """One question or answer. Raises `NotFound`."""
        return messages.read(conversation_id, message_id, owner)

    @rpc(expected_exceptions=Problem)
    def feedback(
        self,
        conversation_id: str,
        message_id: str,
        owner: str | None,
        verdict: Verdict,
        comment: str | None = None,
    ) -> dict[str, Any]:
        """What somebody says of an answer: ``right``, ``wrong`` or ``helpful``. The last one counts."""
        return messages.rate(conversation_id, message_id, owner, verdict, comment)

    @rpc(expected_exceptions=Problem)
    def suggestions(self, conversation_id: str | None = None, owner: str | None = None) -> dict[str, list[str]]:
        """``{"suggestions", "suggestions_en"}``: questions to begin with, in a conversation by its last topic."""
        last = [] if conversation_id is None else messages.last_suggestions(conversation_id, owner)
        return answers.suggested(last)

    @event_handler("auth", "user_deleted")
    def user_deleted(self, event: dict[str, Any]) -> None:
        """Erase all that the user has talked about."""
        self.writers.forget(conversations.erase(event["user_id"]))

    @lease_timer
    def keep_leases(self) -> None:
        """Keep what is written here; take over what a process that died has left behind."""
        self.writers.beat(self._domains())

    def _domains(self) -> Domains:
        return Domains(self.recycle, self.location, self.waste)
