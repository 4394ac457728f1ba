"""Turns: what is heard of one user, or of one scan, is done one after another, in whatever process.

An account is deleted while a scan of its user comes in; a scan is deleted while it is recorded. Whoever looks whether
the user or the scan is still there must know that it stays so until the transaction's end. Always the user's turn is
taken first, then the scan's, so that two never wait for each other. (Two ids of one hash wait needlessly, no more.)
"""

from services.userinfo.tables import Profile

_TURN = "SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))"


def take_user(user_id: str) -> None:
    """Wait for the turn of `user_id`, and keep it until the transaction ends."""
    Profile._meta.database.execute_sql(_TURN, ("userinfo.user", user_id))


def take_scan(scan_id: str) -> None:
    """Wait for the turn of `scan_id`, and keep it until the transaction ends."""
    Profile._meta.database.execute_sql(_TURN, ("userinfo.scan", scan_id))
