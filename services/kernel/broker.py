"""Whether RabbitMQ is there."""

from kombu import Connection

CONNECT_S = 2.0


def reach(uri: str) -> None:
    """Returns when RabbitMQ takes a connection; raises kombu's or the system's error when it does not, in time."""
    with Connection(uri, connect_timeout=CONNECT_S) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
