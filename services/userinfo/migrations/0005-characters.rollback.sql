DROP TABLE userinfo.characters;
