-- One more failure, unless the delay after the last one is not over: then no row comes back.
-- clock_timestamp(): who waited for the row's lock is judged by the time after that.
INSERT INTO auth.attempts AS attempt (account, place, failures, last_at)
VALUES (%(account)s, %(place)s, 1, clock_timestamp())
ON CONFLICT (account, place) DO UPDATE
SET failures = CASE
        WHEN attempt.last_at < clock_timestamp() - make_interval(secs => %(forget)s) THEN 1
        ELSE attempt.failures + 1
    END,
    last_at = clock_timestamp()
WHERE attempt.failures < %(free)s
    OR attempt.last_at + make_interval(
        secs => least(%(longest)s, 2 ^ least(attempt.failures - %(free)s + 1, 30))
    ) <= clock_timestamp()
RETURNING failures
