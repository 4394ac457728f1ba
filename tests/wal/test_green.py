"""The journal in a program of greenlets: they wait for the disk, the program does not.

Each test is a program of its own, so that monkey-patching is as early as in a service and stays there.
"""

from pathlib import Path
from textwrap import dedent

from tests.wal import programs

GREEN = """
    import eventlet

    eventlet.monkey_patch()

    import sys, time
    from eventlet import patcher
    from wal import IllegalTransition, State, UnknownTask, WALManager
    from wal.green import GreenRuntime

    blocking_sleep = patcher.original("time").sleep
    journal = WALManager(sys.argv[1], worker="probe", runtime=GreenRuntime())

    def complete(task_id):
        journal.log_task_start(task_id, "probe", b"x")
        journal.log_task_processing(task_id)
        journal.log_task_complete(task_id, task_id)

    def slow_disk(seconds):
        '''Keep the writer's thread busy, as a slow fsync would.'''
        eventlet.spawn(journal._writer.run, lambda _: blocking_sleep(seconds))
        eventlet.sleep(0.05)
"""


def green(source: str, path: Path) -> str:
    """Run `source` in a green program that has the journal open."""
    return programs.run(dedent(GREEN) + dedent(source) + "\njournal.close()\n", path, within_s=20)


def test_two_hundred_greenlets_complete_their_tasks(path: Path) -> None:
    out = green(
        """
        pool = eventlet.GreenPool(200)
        for number in range(600):
            pool.spawn(complete, f"t{number}")
        pool.waitall()
        print(journal.stats()["completed"], {journal.task(f"t{n}").result == f"t{n}" for n in range(600)})
        """,
        path,
    )

    assert out == "600 {True}\n"


def test_greenlets_share_a_commit(path: Path) -> None:
    out = green(
        """
        from prometheus_client import REGISTRY

        pool = eventlet.GreenPool(200)
        for number in range(600):
            pool.spawn(complete, f"t{number}")
        pool.waitall()
        value = REGISTRY.get_sample_value
        print(value("eco2_journal_batch_size_sum") / value("eco2_journal_batch_size_count"))
        """,
        path,
    )

    assert float(out) > 2


def test_the_program_goes_on_while_the_journal_waits_for_the_disk(path: Path) -> None:
    """Else RabbitMQ would miss the heartbeats and deliver everything again."""
    out = green(
        """
        ticks = []

        def tick():
            while True:
                ticks.append(time.monotonic())
                eventlet.sleep(0.01)

        eventlet.spawn(tick)
        slow_disk(1)
        began = time.monotonic()
        journal.log_task_start("t1", "probe", b"")
        waited = time.monotonic() - began
        meanwhile = [at for at in ticks if at > began]
        print(waited > 0.5, max(b - a for a, b in zip(meanwhile, meanwhile[1:])) < 0.2, len(meanwhile) > 30)
        """,
        path,
    )

    assert out == "True True True\n"


def test_a_greenlet_killed_while_it_waits_does_not_hold_up_the_others(path: Path) -> None:
    out = green(
        """
        slow_disk(0.3)
        doomed = [eventlet.spawn(journal.log_task_start, f"doomed{n}", "probe", b"") for n in range(20)]
        eventlet.sleep(0.05)
        for greenlet in doomed:
            greenlet.kill()
        with eventlet.Timeout(5):
            for number in range(50):
                complete(f"t{number}")
        print(journal.stats()["completed"])
        """,
        path,
    )

    assert out == "50\n"


def test_what_a_killed_greenlet_had_asked_for_is_whole_or_not_there(path: Path) -> None:
    out = green(
        """
        slow_disk(0.3)
        doomed = [eventlet.spawn(journal.log_task_start, f"doomed{n}", "probe", b"payload") for n in range(20)]
        eventlet.sleep(0.05)
        for greenlet in doomed:
            greenlet.kill()
        eventlet.sleep(0.5)
        found = journal.recover_pending_tasks()
        print(all(journal.work(task_id).payload == b"payload" for task_id in found))
        """,
        path,
    )

    assert out == "True\n"


def test_a_greenlet_that_runs_out_of_time_while_it_waits_can_go_on(path: Path) -> None:
    """A task's time limit may strike while it is being journalled."""
    out = green(
        """
        slow_disk(0.3)
        try:
            with eventlet.Timeout(0.05):
                journal.log_task_start("t1", "probe", b"")
            print("in time")
        except eventlet.Timeout:
            print("late")
        print(journal.log_task_start("t1", "probe", b"").new)  # the first call is done all the same
        complete("t2")
        print(journal.task("t2").state)
        """,
        path,
    )

    assert out == "late\nFalse\ncompleted\n"


def test_the_killed_give_their_places_in_the_queue_back(path: Path) -> None:
    out = green(
        """
        journal.close()
        journal = WALManager(sys.argv[1], worker="probe", runtime=GreenRuntime(), queue_limit=4)
        for _ in range(5):
            slow_disk(0.1)
            doomed = [eventlet.spawn(journal.task, "nobody") for _ in range(20)]
            eventlet.sleep(0.02)
            for greenlet in doomed:
                greenlet.kill()
        with eventlet.Timeout(5):
            pool = eventlet.GreenPool(50)
            for number in range(50):
                pool.spawn(complete, f"t{number}")
            pool.waitall()
        print(journal.stats()["completed"])
        """,
        path,
    )

    assert out == "50\n"


def test_more_callers_than_places_wait_for_their_turn(path: Path) -> None:
    out = green(
        """
        journal.close()
        journal = WALManager(sys.argv[1], worker="probe", runtime=GreenRuntime(), queue_limit=2)
        pool = eventlet.GreenPool(100)
        for number in range(100):
            pool.spawn(complete, f"t{number}")
        pool.waitall()
        print(journal.stats()["completed"])
        """,
        path,
    )

    assert out == "100\n"


def test_errors_come_back_to_the_greenlet_that_asked(path: Path) -> None:
    out = green(
        """
        def ask(number):
            try:
                journal.log_task_processing(f"nobody{number}")
            except UnknownTask as error:
                return f"nobody{number}" in str(error)

        print(set(eventlet.GreenPool().imap(ask, range(50))))
        """,
        path,
    )

    assert out == "{True}\n"


def test_an_idle_journal_leaves_the_program_idle(path: Path) -> None:
    out = green(
        """
        complete("t1")
        used = time.process_time()
        eventlet.sleep(1.5)
        print(time.process_time() - used < 0.1)
        """,
        path,
    )

    assert out == "True\n"
