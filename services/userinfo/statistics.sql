-- A user's scans from one moment to another, counted by week (its Monday in Seoul), class, kind and item.
-- The user's part of the index activities_history is all that is read.
SELECT
    date_trunc('week', completed_at AT TIME ZONE 'Asia/Seoul')::date AS week,
    major,
    kind,
    item_id,
    count(*) AS scans,
    count(*) FILTER (WHERE points > 0) AS clean,
    sum(points) AS points
FROM userinfo.activities
WHERE user_id = %(user_id)s AND completed_at >= %(since)s AND completed_at < %(until)s
GROUP BY 1, 2, 3, 4
