"""Each system behind one face, for `benchmarks.journal.drive`; its worker runs the body of `body`.

A module offers ``CONCURRENCY`` (text, for the report), ``prepare()``, ``reset()``, ``put(number)``, ``finished()`` and
``command(concurrency)``. ``finished`` asks the system's own record of finished tasks; where it keeps none, it
counts executions.
"""
