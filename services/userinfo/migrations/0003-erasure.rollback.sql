DROP TABLE userinfo.deleted_scans;
DROP TABLE userinfo.erased;
