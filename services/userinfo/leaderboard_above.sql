-- How many of those who want to be seen have more points. Counted in the index scores_board.
SELECT count(*)
FROM userinfo.scores
WHERE week = %(week)s AND shown AND points > 0 AND points > %(points)s
