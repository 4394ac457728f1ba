-- The first of a week (or of all time), of those alone who want to be seen. Read from the index scores_board, in its
-- order; with equal points whoever registered first stands first, so that the order is the same whenever one looks.
SELECT scores.user_id, profiles.nickname, scores.points
FROM userinfo.scores
JOIN userinfo.profiles USING (user_id)
WHERE scores.week = %(week)s AND scores.shown AND scores.points > 0 AND profiles.on_leaderboard
ORDER BY scores.points DESC, scores.user_id
LIMIT %(limit)s
