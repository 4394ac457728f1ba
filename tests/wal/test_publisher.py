"""The publisher on the real RabbitMQ: what returns is safe, what is not safe raises, and nothing waits for ever."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from textwrap import dedent
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from kombu.exceptions import OperationalError
from nameko.events import get_event_exchange
from uuid6 import uuid7

from tests.stack import TestStack, eventually
from tests.wal import programs
from wal.amqp import Topology, channel, confirmed
from wal.amqp.frames import Message
from wal.amqp.publisher import TaskPublisher
from wal.amqp.timing import SENT
from wal.amqp.topology import DELAYS_S
from wal.records import Work

ACK = b"\0\x3c\0\x50"


class Wire:
    """A TCP proxy in front of RabbitMQ that can be slow, fall silent, or be cut."""

    def __init__(self, amqp_url: str) -> None:
        account, _, address = amqp_url.rpartition("@")
        host, port = address.strip("/").split(":")
        self._behind = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{account}@127.0.0.1:{self._listener.getsockname()[1]}//"
        self.confirms_late_s = 0.0
        self.silent = False
        self.open: list[socket.socket] = []
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End the connections there are."""
        for end in self.open[:]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                broker = socket.create_connection(self._behind)
                self.open += client, broker
                for ends in ((client, broker, False), (broker, client, True)):
                    threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if data[7:11] == ACK:
                    time.sleep(self.confirms_late_s)
                if not (answers and self.silent):
                    target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            with suppress(ValueError):
                self.open.remove(end)


class Tasks:
    """The queues of a worker that does not exist, and what is in them."""

    def __init__(self, amqp_url: str) -> None:
        self.name = f"publisher-{uuid7().hex[-8:]}"
        self.topology = Topology({self.name: (self.name,)})
        self.url = amqp_url
        self.connection = Connection(amqp_url)
        self.channel: Any = self.connection.channel()

    def work(self, number: int = 0, kind: str = "work") -> Work:
        return Work(f"{self.name}-{number}", f"{self.name}.{kind}", b"%d" % number, "application/json")

    def waiting(self) -> int:
        queue = Queue(f"tasks.{self.name}", channel=self.channel)
        return int(queue.queue_declare(passive=True).message_count)

    def take(self) -> list[Any]:
        """All messages of the work queue, taken out."""
        queue = Queue(f"tasks.{self.name}", channel=self.channel)
        return list(iter(lambda: queue.get(no_ack=True), None))

    def taken(self) -> list[int]:
        """The numbers of the tasks that were in the queue, without those that came twice."""
        return sorted({int(message.body) for message in self.take()})

    def clear(self) -> None:
        for queue in ("", ".dead", ".full", *(f".delay.{delay}s" for delay in DELAYS_S)):
            self.channel.queue_delete(f"tasks.{self.name}{queue}")
        self.channel.exchange_delete(f"{self.name}.events")
        self.connection.close()


@pytest.fixture
def tasks(stack: TestStack) -> Iterator[Tasks]:
    queues = Tasks(stack.settings["ECO2_AMQP_URL"])
    yield queues
    queues.clear()


@pytest.fixture
def wire(tasks: Tasks) -> Iterator[Wire]:
    proxy = Wire(tasks.url)
    yield proxy
    with suppress(OSError):
        proxy.refuse()
    proxy.cut()


@pytest.fixture
def publisher(tasks: Tasks, wire: Wire) -> Iterator[TaskPublisher]:
    """A publisher whose connection runs through `wire`."""
    connected = TaskPublisher(wire.url, tasks.topology)
    yield connected
    connected.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, limit in ((channel, "CONNECT_S"), (channel, "SILENCE_S"), (confirmed, "CONFIRM_S")):
        monkeypatch.setattr(module, limit, 0.5)


def at_once(calls: int, act: Any) -> list[BaseException | None]:
    """Run ``act(0)``, ``act(1)``… in as many threads. What each has raised."""
    with ThreadPoolExecutor(calls) as pool:
        return [future.exception(timeout=60) for future in [pool.submit(act, number) for number in range(calls)]]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


# Published


def test_every_message_of_many_callers_arrives_once_with_its_properties(tasks: Tasks, publisher: TaskPublisher) -> None:
    def put(number: int) -> None:
        body = b"\xff%d" % number + b"x" * (200_000 if number == 7 else 0)  # more than a frame holds
        headers = {"nameko.number": number, "이름": "종이컵", "none": None}
        work = Work(f"id-{number}", f"{tasks.name}.kind{number % 3}", body, "image/png", headers)
        publisher.put(work, priority=number % 5)

    began = time.time()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(500)))

    messages = {message.properties["message_id"]: message for message in tasks.take()}
    assert tasks.waiting() == 0
    assert len(messages) == 500
    for number in range(500):
        message = messages[f"id-{number}"]
        assert bytes(message.body).rstrip(b"x") == b"\xff%d" % number
        assert message.delivery_info["routing_key"] == message.properties["type"] == f"{tasks.name}.kind{number % 3}"
        assert (message.content_type, message.content_encoding) == ("image/png", "binary")
        assert began <= message.headers.pop(SENT) / 1000 + 0.001 <= time.time() + 0.002
        assert message.headers == {"nameko.number": number, "이름": "종이컵", "none": None}
        assert message.properties["priority"] == number % 5
        assert message.properties["delivery_mode"] == 2
    assert len(messages["id-7"].body) > 200_000


def test_a_delayed_message_expires_into_the_work_queue(tasks: Tasks, publisher: TaskPublisher) -> None:
    publisher.delay(tasks.work(1), tasks.name, 0.2)

    assert tasks.waiting() == 0
    eventually(tasks.waiting, within_s=30)
    assert tasks.taken() == [1]


def test_an_event_is_as_nameko_would_have_sent_it(tasks: Tasks, publisher: TaskPublisher) -> None:
    heard = Queue(f"tasks.{tasks.name}.full", get_event_exchange(tasks.name, {}), "#", channel=tasks.channel)
    heard.declare()

    publisher.announce(tasks.name, "work.completed", {"품목": "종이컵"}, {"nameko.call_id_stack": ["a", "b"]})

    message = heard.get(no_ack=True)
    assert message.delivery_info["exchange"] == f"{tasks.name}.events"
    assert message.delivery_info["routing_key"] == "work.completed"
    assert message.payload == json.loads(message.body) == {"품목": "종이컵"}
    assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
    assert time.time() - 30 < message.headers.pop(SENT) / 1000 <= time.time() + 0.001
    assert message.headers == {"nameko.call_id_stack": ["a", "b"]}
    assert message.properties["delivery_mode"] == 2


def test_a_put_returns_only_when_rabbitmq_has_confirmed_it(tasks: Tasks, publisher: TaskPublisher, wire: Wire) -> None:
    wire.confirms_late_s = 0.5
    putting = threading.Thread(target=publisher.put, args=(tasks.work(),))
    putting.start()

    eventually(tasks.waiting, within_s=30)
    assert putting.is_alive()
    putting.join(30)
    assert not putting.is_alive()


def test_callers_at_once_share_a_confirm(tasks: Tasks, publisher: TaskPublisher, wire: Wire) -> None:
    wire.confirms_late_s = 0.1

    with within(1.5):  # one after the other: 3.2 s
        assert at_once(32, lambda number: publisher.put(tasks.work(number))) == [None] * 32

    assert tasks.taken() == list(range(32))


def test_what_cannot_be_encoded_is_the_error_of_its_caller_alone(tasks: Tasks, publisher: TaskPublisher) -> None:
    def put(number: int) -> None:
        publisher.put(tasks.work(number, kind="x" * 300 if number == 3 else "work"))

    errors = at_once(8, put)

    assert [number for number, error in enumerate(errors) if error is not None] == [3]
    assert tasks.taken() == [0, 1, 2, 4, 5, 6, 7]


# Connections come and go


def test_an_idle_connection_that_was_closed_is_replaced_unnoticed(
    tasks: Tasks, publisher: TaskPublisher, wire: Wire
) -> None:
    publisher.put(tasks.work(1))
    for number in (2, 3):
        wire.cut()
        eventually(lambda: not wire.open)
        publisher.put(tasks.work(number))

    assert tasks.taken() == [1, 2, 3]


def test_what_was_not_confirmed_on_a_lost_connection_is_published_again(
    tasks: Tasks, publisher: TaskPublisher, wire: Wire
) -> None:
    wire.silent = True
    with ThreadPoolExecutor(8) as pool:
        puts = [pool.submit(publisher.put, tasks.work(number)) for number in range(8)]
        eventually(tasks.waiting)
        assert not any(put.done() for put in puts)
        wire.silent = False
        wire.cut()
        assert [put.result(20) for put in puts] == [None] * 8

    assert tasks.taken() == list(range(8))


def test_a_second_loss_is_told(tasks: Tasks, publisher: TaskPublisher, wire: Wire) -> None:
    wire.confirms_late_s = 60
    with ThreadPoolExecutor(4) as pool:
        puts = [pool.submit(publisher.put, tasks.work(number)) for number in range(4)]
        while not all(put.done() for put in puts):
            time.sleep(0.2)
            if tasks.waiting():
                wire.cut()
        assert {type(put.exception()) for put in puts} == {OperationalError}


def test_closed_it_opens_again_when_it_is_used(tasks: Tasks, publisher: TaskPublisher, wire: Wire) -> None:
    publisher.put(tasks.work(1))
    publisher.close()
    eventually(lambda: not wire.open)

    publisher.put(tasks.work(2))

    assert tasks.taken() == [1, 2]


def test_it_closes_when_the_last_has_been_served(tasks: Tasks, publisher: TaskPublisher, wire: Wire) -> None:
    wire.confirms_late_s = 0.3
    with ThreadPoolExecutor(8) as pool:
        puts = [pool.submit(publisher.put, tasks.work(number)) for number in range(8)]
        eventually(tasks.waiting)
        publisher.close()
        assert [put.result(20) for put in puts] == [None] * 8

    eventually(lambda: not wire.open)
    assert tasks.taken() == list(range(8))


# Away


def test_a_silent_rabbitmq_is_an_error_for_all_who_wait_in_bounded_time(
    impatient: None, tasks: Tasks, publisher: TaskPublisher, wire: Wire
) -> None:
    wire.silent = True
    with within(4):
        errors = at_once(8, lambda number: publisher.put(tasks.work(number)))
    assert {type(error) for error in errors} == {OperationalError}
    assert wire.accepted == 1  # it was waited for once

    wire.silent = False
    publisher.put(tasks.work(99))
    assert 99 in tasks.taken()


def test_a_rabbitmq_that_talks_but_does_not_confirm_is_an_error_in_bounded_time(
    impatient: None, tasks: Tasks, publisher: TaskPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a quorum queue has lost its quorum while the confirms of other messages keep coming."""
    monkeypatch.setattr(publisher._publisher._channel, "read", lambda: time.sleep(0.1))

    with within(4), pytest.raises(OperationalError):
        publisher.put(tasks.work())


def test_what_accepts_but_never_answers_is_an_error_in_bounded_time(impatient: None, tasks: Tasks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, within(4), pytest.raises(OperationalError):
        TaskPublisher(f"amqp://eco2:x@127.0.0.1:{mute.getsockname()[1]}//", tasks.topology)


def test_a_refused_connection_is_an_error_at_once_for_all(tasks: Tasks, publisher: TaskPublisher, wire: Wire) -> None:
    wire.refuse()
    wire.cut()

    with within(4):
        errors = at_once(8, lambda number: publisher.put(tasks.work(number)))

    assert {type(error) for error in errors} == {OperationalError}
    with pytest.raises(OperationalError):
        TaskPublisher(wire.url, tasks.topology)


def test_a_wrong_password_is_an_error(tasks: Tasks) -> None:
    with pytest.raises(OperationalError):
        TaskPublisher(tasks.url.replace("eco2:", "eco2:x"), tasks.topology)


# Refused


def test_a_message_that_is_refused_fails_alone(tasks: Tasks, publisher: TaskPublisher) -> None:
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queue = Queue(f"tasks.{tasks.name}.full", tasks.topology.exchange, f"{tasks.name}.full", queue_arguments=full)
    queue(tasks.channel).declare()
    publisher.put(tasks.work(99, kind="full"))

    errors = at_once(9, lambda number: publisher.put(tasks.work(number, kind="work" if number % 3 else "full")))

    assert [number for number, error in enumerate(errors) if error is not None] == [0, 3, 6]
    assert {type(error) for error in errors if error is not None} == {OperationalError}
    assert {1, 2, 4, 5, 7, 8} <= set(tasks.taken())


def test_an_exchange_that_vanished_is_declared_again(tasks: Tasks, publisher: TaskPublisher) -> None:
    exchange = Exchange(f"{tasks.name}.events", type="topic", durable=True)(tasks.channel)
    publisher.announce(tasks.name, "work.progress", 1, {})
    exchange.delete()

    def tell(number: int) -> None:
        if number == 3:
            publisher.announce(tasks.name, "work.progress", 2, {})
        else:
            publisher.put(tasks.work(number))

    assert at_once(8, tell) == [None] * 8
    exchange.declare(passive=True)
    assert tasks.taken() == [0, 1, 2, 4, 5, 6, 7]


def test_queues_that_vanished_are_declared_again_on_the_next_connection(
    tasks: Tasks, publisher: TaskPublisher, wire: Wire
) -> None:
    tasks.channel.queue_delete(f"tasks.{tasks.name}")
    wire.cut()
    eventually(lambda: not wire.open)

    publisher.put(tasks.work(1))

    assert tasks.taken() == [1]


def test_a_message_that_ends_the_channel_fails_alone(tasks: Tasks, publisher: TaskPublisher) -> None:
    """RabbitMQ closes the channel for one that is too large, say; the others must not go down with it twice."""
    nowhere = Message("an exchange that nobody declares", "", b"", "text/plain", "utf-8", {})

    def publish(number: int) -> None:
        if number % 4 == 0:
            publisher._publisher.publish(nowhere)
        else:
            publisher.put(tasks.work(number))

    errors = at_once(24, publish)

    assert [number for number, error in enumerate(errors) if error is not None] == [0, 4, 8, 12, 16, 20]
    assert {type(error) for error in errors if error is not None} == {OperationalError}
    assert tasks.taken() == [number for number in range(24) if number % 4]


# Green


GREEN = """
    import eventlet

    eventlet.monkey_patch()

    import sys
    from wal.amqp import Topology
    from wal.amqp.publisher import TaskPublisher
    from wal.records import Work

    url, name = sys.argv[1:]
    publisher = TaskPublisher(url, Topology({name: (name,)}))

    def put(number):
        publisher.put(Work(f"id-{number}", f"{name}.work", b"%d" % number, "application/json"))
        return number

    def outcomes(greenlets):
        with eventlet.Timeout(10):
            return [greenlet.wait() for greenlet in greenlets]

    def start():
        '''Eight who put. The first leads and waits for its confirm; the others come with the next group.'''
        greenlets = [eventlet.spawn(put, number) for number in range(8)]
        eventlet.sleep(0.1)
        return greenlets
"""


@pytest.fixture
def slow(wire: Wire) -> Wire:
    """Confirms take 0.3 s, which is long enough to kill who waits for them."""
    wire.confirms_late_s = 0.3
    return wire


def green(source: str, wire: Wire, tasks: Tasks) -> str:
    """Run `source` in a green program that has a publisher."""
    return programs.run(dedent(GREEN) + dedent(source), wire.url, tasks.name)


def test_greenlets_share_confirms_and_each_has_its_turn(tasks: Tasks, wire: Wire) -> None:
    out = green(
        """
        import time

        def keep_putting(count):
            while time.monotonic() < end:
                put(0)
                count[0] += 1

        end = time.monotonic() + 1
        counts = [[0] for _ in range(16)]
        outcomes([eventlet.spawn(keep_putting, count) for count in counts])
        fewest, most = min(counts)[0], max(counts)[0]
        print(fewest > 0.5 * most, fewest, most)
        """,
        wire,
        tasks,
    )

    assert out.startswith("True"), out


def test_killed_followers_hold_nobody_up(tasks: Tasks, slow: Wire) -> None:
    out = green(
        """
        greenlets = start()
        for doomed in greenlets[1:4]:
            doomed.kill()
        print(outcomes([greenlets[0], *greenlets[4:]]), put(99))
        """,
        slow,
        tasks,
    )

    assert out == "[0, 4, 5, 6, 7] 99\n"
    assert tasks.taken() == [0, 4, 5, 6, 7, 99]


def test_followers_killed_after_publication_hold_nobody_up(tasks: Tasks, slow: Wire) -> None:
    out = green(
        """
        greenlets = start()
        eventlet.sleep(0.35)  # the second leads now
        for doomed in greenlets[2:5]:
            doomed.kill()
        print(outcomes([*greenlets[:2], *greenlets[5:]]), put(99))
        """,
        slow,
        tasks,
    )

    assert out == "[0, 1, 5, 6, 7] 99\n"


def test_a_killed_leader_hands_over(tasks: Tasks, slow: Wire) -> None:
    out = green(
        """
        greenlets = start()
        greenlets[0].kill()
        print(outcomes(greenlets[1:]), put(99))
        """,
        slow,
        tasks,
    )

    assert out == "[1, 2, 3, 4, 5, 6, 7] 99\n"
    assert {1, 2, 3, 4, 5, 6, 7, 99} <= set(tasks.taken())
    assert slow.accepted == 2  # a frame may have been half read from the first connection


def test_a_killed_leader_hands_over_what_it_had_published_for_others(tasks: Tasks, slow: Wire) -> None:
    out = green(
        """
        greenlets = start()
        eventlet.sleep(0.35)  # the second leads now, and has published for the rest
        greenlets[1].kill()
        print(outcomes([greenlets[0], *greenlets[2:]]), put(99))
        """,
        slow,
        tasks,
    )

    assert out == "[0, 2, 3, 4, 5, 6, 7] 99\n"


def test_one_killed_in_the_moment_it_is_made_the_leader_hands_over(tasks: Tasks, slow: Wire) -> None:
    out = green(
        """
        hand_over = publisher._publisher._hand_over

        def and_kill_the_next(call):
            publisher._publisher._hand_over = hand_over
            hand_over(call)
            eventlet.kill(greenlets[1])

        publisher._publisher._hand_over = and_kill_the_next
        greenlets = start()
        print(outcomes([greenlets[0], *greenlets[2:]]), put(99))
        """,
        slow,
        tasks,
    )

    assert out == "[0, 2, 3, 4, 5, 6, 7] 99\n"


def test_a_leader_that_runs_out_of_time_can_go_on_and_so_can_the_others(tasks: Tasks, slow: Wire) -> None:
    """A task's time limit may strike while it tells its progress."""
    out = green(
        """
        def put_in_haste():
            try:
                with eventlet.Timeout(0.1):
                    put(50)
            except eventlet.Timeout:
                return put(51)

        hasty = eventlet.spawn(put_in_haste)
        eventlet.sleep(0)
        print(outcomes([hasty, *start()]))
        """,
        slow,
        tasks,
    )

    assert out == "[51, 0, 1, 2, 3, 4, 5, 6, 7]\n"
    assert {51, *range(8)} <= set(tasks.taken())
