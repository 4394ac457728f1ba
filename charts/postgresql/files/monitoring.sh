#!/bin/bash
# Run once, by the image, when it has made the database: the role with which the exporter reads statistics. Its password is
# read by psql itself, so that no command line has it.
set -euo pipefail

psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --no-password --no-psqlrc --quiet <<'SQL'
\set password `cat /run/secrets/eco2/monitoring-password`
SET log_min_duration_statement = -1;
SET log_statement = 'none';
CREATE ROLE eco2_monitoring LOGIN CONNECTION LIMIT 3 PASSWORD :'password';
GRANT pg_monitor TO eco2_monitoring;
SQL
