-- The characters that users have collected: the first one comes with the account, each other by one scan that has
-- earned points. A scan brings at most one, and a user has each at most once, whatever is heard how often.

CREATE TABLE userinfo.characters (
    user_id    uuid NOT NULL,
    character  text NOT NULL CHECK (character ~ '^[a-z][a-z0-9_]{0,39}$'),
    scan_id    uuid UNIQUE,
    awarded_at timestamptz NOT NULL,
    earned_by  text GENERATED ALWAYS AS (CASE WHEN scan_id IS NOT NULL THEN 'scan_completed' END) STORED,
    PRIMARY KEY (user_id, character),
    CONSTRAINT only_the_first_needs_no_scan CHECK ((character = 'eco') = (scan_id IS NULL)),
    CONSTRAINT the_scan_has_earned_points
        FOREIGN KEY (scan_id, earned_by, user_id, awarded_at)
        REFERENCES userinfo.points (scan_id, reason, user_id, earned_at)
);

INSERT INTO userinfo.characters (user_id, character, awarded_at)
SELECT user_id, 'eco', created_at FROM userinfo.profiles;

-- What scans of before would have brought.
INSERT INTO userinfo.characters (user_id, character, scan_id, awarded_at)
SELECT DISTINCT ON (user_id, kind) user_id, character, scan_id, completed_at
FROM userinfo.activities JOIN (
    VALUES ('paper', 'papi'), ('paper_pack', 'paco'), ('clear_pet', 'petty'), ('plastic', 'plavi'), ('film', 'vini'),
        ('eps', 'pomi'), ('glass_bottle', 'glassy'), ('metal', 'canny'), ('clothing', 'cotti'), ('battery', 'batty'),
        ('lamp', 'lumi'), ('electronics', 'elly')
) AS roster (kind, character) USING (kind)
WHERE points > 0 AND item_id IS NOT NULL
ORDER BY user_id, kind, completed_at, scan_id;
