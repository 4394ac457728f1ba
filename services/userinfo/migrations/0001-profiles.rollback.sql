DROP TABLE userinfo.activities;
DROP TABLE userinfo.profiles;
