DROP TRIGGER leaderboard_chosen ON userinfo.profiles;
DROP FUNCTION userinfo.show_scores();
DROP TRIGGER points_added ON userinfo.points;
DROP FUNCTION userinfo.add_score();
DROP TABLE userinfo.scores;
DROP TRIGGER points_stay ON userinfo.points;
DROP FUNCTION userinfo.keep_points();
DROP TABLE userinfo.points;
