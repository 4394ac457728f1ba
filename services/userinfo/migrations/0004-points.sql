-- Points as a ledger: nothing in it is ever changed, and the sum of a user's entries is what the user has.
-- A clean recyclable earns 10; when its scan is deleted, a second entry takes them back, in the week of the first.

CREATE TABLE userinfo.points (
    scan_id   uuid NOT NULL,
    reason    text NOT NULL,
    user_id   uuid NOT NULL,
    amount    integer NOT NULL,
    earned_at timestamptz NOT NULL,                 -- when the scan was finished: the week that the entry counts in
    booked_at timestamptz NOT NULL DEFAULT now(),
    undoes    text GENERATED ALWAYS AS (CASE reason WHEN 'scan_deleted' THEN 'scan_completed' END) STORED,
    PRIMARY KEY (scan_id, reason),
    UNIQUE (scan_id, reason, user_id, earned_at),
    CONSTRAINT amount_of_the_reason CHECK (
        (reason = 'scan_completed' AND amount = 10) OR (reason = 'scan_deleted' AND amount = -10)
    ),
    CONSTRAINT only_what_was_earned_is_taken_back
        FOREIGN KEY (scan_id, undoes, user_id, earned_at)
        REFERENCES userinfo.points (scan_id, reason, user_id, earned_at)
);

CREATE INDEX points_of_user ON userinfo.points (user_id, booked_at DESC, scan_id DESC, reason DESC);

CREATE FUNCTION userinfo.keep_points() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM userinfo.erased WHERE user_sha256 = sha256(convert_to(OLD.user_id::text, 'UTF8'))
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the ledger of points is only added to; only an erased user''s entries may go'
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER points_stay BEFORE UPDATE OR DELETE ON userinfo.points
    FOR EACH ROW EXECUTE FUNCTION userinfo.keep_points();

-- The ledger's sums: what the leaderboard is read from. The triggers keep them, nobody else writes here.
CREATE TABLE userinfo.scores (
    user_id uuid NOT NULL,
    week    date NOT NULL CHECK (extract(isodow FROM week) = 1),  -- its Monday in Seoul; 0001-01-01: of all time
    points  integer NOT NULL CHECK (points >= 0),
    shown   boolean NOT NULL,                                     -- as profiles.on_leaderboard
    PRIMARY KEY (user_id, week)
);

CREATE INDEX scores_board ON userinfo.scores (week, points DESC, user_id) WHERE shown AND points > 0;

CREATE FUNCTION userinfo.add_score() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    weeks constant date[] := ARRAY['0001-01-01', date_trunc('week', NEW.earned_at AT TIME ZONE 'Asia/Seoul')::date];
BEGIN
    IF NEW.amount > 0 THEN
        INSERT INTO userinfo.scores (user_id, week, points, shown)
        SELECT NEW.user_id, one, NEW.amount, EXISTS (
            SELECT FROM userinfo.profiles WHERE user_id = NEW.user_id AND on_leaderboard
        )
        FROM unnest(weeks) AS one ORDER BY one
        ON CONFLICT (user_id, week) DO UPDATE SET points = scores.points + excluded.points;
    ELSE
        UPDATE userinfo.scores SET points = points + NEW.amount WHERE user_id = NEW.user_id AND week = ANY (weeks);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER points_added AFTER INSERT ON userinfo.points FOR EACH ROW EXECUTE FUNCTION userinfo.add_score();

CREATE FUNCTION userinfo.show_scores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE userinfo.scores SET shown = NEW.on_leaderboard WHERE user_id = NEW.user_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER leaderboard_chosen AFTER UPDATE OF on_leaderboard ON userinfo.profiles
    FOR EACH ROW WHEN (OLD.on_leaderboard <> NEW.on_leaderboard) EXECUTE FUNCTION userinfo.show_scores();

INSERT INTO userinfo.points (scan_id, reason, user_id, amount, earned_at, booked_at)
SELECT scan_id, 'scan_completed', user_id, points, completed_at, recorded_at
FROM userinfo.activities WHERE points > 0;
