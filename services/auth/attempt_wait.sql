-- Seconds until the next attempt is let through.
SELECT coalesce(max(ceil(extract(epoch FROM last_at
    + make_interval(secs => least(%(longest)s, 2 ^ least(failures - %(free)s + 1, 30))) - clock_timestamp()))), 1)
FROM auth.attempts
WHERE account = %(account)s AND place = %(place)s
