-- Profiles, and the activities that points are the sum of.

CREATE TABLE userinfo.profiles (
    user_id    uuid PRIMARY KEY,
    nickname   text NOT NULL CHECK (char_length(nickname) BETWEEN 1 AND 30),
    bio        text NOT NULL DEFAULT '' CHECK (char_length(bio) <= 200),
    region     text NOT NULL DEFAULT '' CHECK (char_length(region) <= 40),
    language   text NOT NULL DEFAULT 'ko' CHECK (language IN ('ko', 'en')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL CHECK (updated_at >= created_at)
);

-- One row a scan, whoever tells of it how often. Its user may not have a profile yet: events come in any order.
CREATE TABLE userinfo.activities (
    scan_id         uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    item_id         text,
    major           text,
    kind            text,
    confidence      double precision CHECK (confidence BETWEEN 0 AND 1),
    insufficiencies jsonb NOT NULL CHECK (jsonb_typeof(insufficiencies) = 'array'),
    points          integer NOT NULL,
    completed_at    timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    CONSTRAINT points_are_earned CHECK (
        points = 0
        OR (points = 10 AND major IS NOT DISTINCT FROM 'recyclable' AND kind IS NOT NULL AND insufficiencies = '[]')
    )
);

CREATE INDEX activities_history ON userinfo.activities (user_id, completed_at DESC, scan_id DESC) INCLUDE (points);
