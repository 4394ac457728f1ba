"""A stand-in OpenAI server for tests and load runs. The real `openai` client talks to it over HTTP/1.1.

    with OpenAIServer(models=("gpt-5-mini", "gpt-4o-mini")) as server:
        server.reply({"item": "mug"}, when=has_image)
        server.fail(Fault.too_many_requests(retry_after_s=1), times=2)
        client = OpenAI(base_url=server.base_url, api_key=server.api_key)

or ``python -m tests.doubles.openai_server --latency-vision 2.5 --latency-answer 4``, whose first line is its URL (the
client's base URL is that and ``/v1``); see `openai_control` for programming it over HTTP.

It checks: the key; each body against the request types that the installed `openai` package publishes, nothing extra
allowed; strict JSON schemas by the rules and limits of OpenAI's guide; images by decoding them; bounds, and which
parameters a model family takes; function tools, and that each call has its result. It answers with objects and events
that fit the package's response types, and never with an output that breaks a strict schema unless a fault says so (a
tool's arguments are what the test programs). Requests are checked before faults strike.

The real service does more: it thinks; counts tokens exactly; fetches image URLs; limits rates by account; keeps
responses; calls tools of its own; takes files, audio, conversations and background jobs (what is not played here is
refused with the code ``not_supported_by_double``); knows more rules for each model. Wordings and codes of errors are as
seen, not as promised. Stricter than the real one: an image whose declared type is not its own is refused.
"""

import argparse
import asyncio
import signal
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from . import native
from .openai_api import Api
from .openai_control import Control, plan_fault, when_named
from .openai_errors import ScriptError
from .openai_faults import Fault, When, has_image
from .openai_http import Exchange, serve
from .openai_requests import ModelRequest
from .openai_state import Output, RecordedRequest, State
from .openai_tools import Call, Calls

__all__ = ["Call", "Calls", "Fault", "ModelRequest", "OpenAIServer", "RecordedRequest", "ScriptError", "has_image"]

DEFAULT_MODELS = ("gpt-5-mini", "gpt-4o-mini")
DEFAULT_KEY = "sk-double-0123456789abcdef"
_START_S = _STOP_S = 10


class OpenAIServer:
    """The server, in a thread of the operating system on 127.0.0.1. Use as a context manager, or `start` and `stop`.

    `latency_vision_s` and `latency_answer_s` are seconds until a request with and without an image is answered.
    """

    def __init__(
        self,
        models: Sequence[str] = DEFAULT_MODELS,
        api_key: str = DEFAULT_KEY,
        port: int = 0,
        latency_vision_s: float = 0.0,
        latency_answer_s: float = 0.0,
    ) -> None:
        self.api_key = api_key
        self._port = port
        self._state = State(tuple(models), api_key, latency_vision_s, latency_answer_s)
        self._api, self._control = Api(self._state), Control(self._state)
        self._thread: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """What the client takes as `base_url`."""
        return f"{self.url}/v1"

    def reply(
        self,
        output: Output | Callable[[ModelRequest], Output],
        when: When | None = None,
        times: int | None = None,
    ) -> None:
        """Program an output: text, what becomes JSON text, `Calls` of tools, or a function of the request.

        A function must not block. The first reply that was programmed, fits `when` and is not used up `times` times
        is taken. Without one, a request with a schema gets a valid instance of it, always the same, and any other
        an echo.
        """
        self._state.add_reply(output, when or when_named(None), times)

    def fail(
        self,
        fault: Fault,
        times: int | None = None,
        when: When | None = None,
        probability: float | None = None,
        seed: int = 0,
    ) -> None:
        """Plan a fault: for the next request, for `times` of them, or for each with `probability` until `reset`."""
        plan_fault(self._state, fault, times, when, probability, seed)

    def latency(self, vision_s: float | None = None, answer_s: float | None = None) -> None:
        """Change the seconds until requests are answered, from the next one on."""
        self._state.vision_s = self._state.vision_s if vision_s is None else vision_s
        self._state.answer_s = self._state.answer_s if answer_s is None else answer_s

    def reset(self) -> None:
        """Forget replies, faults and records."""
        self._state.reset()

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests since the start or `reset`, in the order they came. What a client has seen is in it."""
        self._settle()
        return self._state.records

    @property
    def in_flight(self) -> int:
        self._settle()
        return self._state.in_flight

    @property
    def in_flight_max(self) -> int:
        """The most requests that were under way at once."""
        return self._state.in_flight_max

    def start(self) -> Self:
        socket = native.original("socket")
        listening = socket.create_server(("127.0.0.1", self._port), backlog=1024)
        self._port = listening.getsockname()[1]
        ready = native.original("threading").Event()
        self._thread = native.start_thread(lambda: self._run(listening, ready), "openai-double")
        if not ready.wait(_START_S):
            raise RuntimeError("the stand-in server did not start")
        return self

    def stop(self) -> None:
        """Stop at once: open connections are closed. Raises ScriptError if something programmed was impossible."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_STOP_S)
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.stop()
        if self._state.script_errors and kind is None:
            raise ScriptError("; ".join(self._state.script_errors))

    def _settle(self, steps: int = 3) -> None:
        """Let the loop go round: a client may have its answer a moment before the record of it is closed."""
        threading = native.original("threading")
        if self._thread is None or threading.get_ident() == self._thread.ident:
            return
        done = threading.Event()

        def go_round(left: int) -> None:
            self._loop.call_soon(go_round, left - 1) if left else done.set()

        self._loop.call_soon_threadsafe(go_round, steps)
        done.wait(_STOP_S)

    def _run(self, listening: Any, ready: Any) -> None:
        async def main() -> None:
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
            ready.set()
            await serve(self._handle, listening, self._stopping)

        asyncio.run(main())

    async def _handle(self, exchange: Exchange) -> None:
        handler = self._control if exchange.request.path.startswith("/_control/") else self._api
        await handler.handle(exchange)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    options = argparse.ArgumentParser(prog="tests.doubles.openai_server", description="A stand-in OpenAI server.")
    options.add_argument("--port", type=int, default=0, help="0 takes a free one")
    options.add_argument("--api-key", default=DEFAULT_KEY)
    options.add_argument("--model", action="append", help="may be given again and again", dest="models")
    options.add_argument("--latency-vision", type=float, default=0.0, metavar="SECONDS")
    options.add_argument("--latency-answer", type=float, default=0.0, metavar="SECONDS")
    given = options.parse_args()
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_end.set())
    models = given.models or DEFAULT_MODELS
    server = OpenAIServer(models, given.api_key, given.port, given.latency_vision, given.latency_answer).start()
    print(server.url, flush=True)
    asked_to_end.wait()
    server.stop()


if __name__ == "__main__":
    main()
