-- Opening hours, where a point comes from, and what the text search reads. pg_trgm and btree_gist are trusted
-- extensions, as cube is: the database's owner may install them.

CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;

CREATE FUNCTION location.kind_name(kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'collection_center' THEN '재활용센터'
        WHEN 'zero_waste_shop' THEN '제로웨이스트 가게'
        WHEN 'battery_box' THEN '폐건전지 수거함'
        WHEN 'lamp_box' THEN '폐형광등 수거함'
        WHEN 'clothing_box' THEN '의류수거함'
        WHEN 'ewaste_box' THEN '소형 폐가전 수거함'
    END
$$;

-- A text as the keys one presses to type it on a Korean keyboard (두벌식), case folded before: 망원 is akddnjs.
-- So a half-typed syllable is a beginning (망우 and 망ㅇ of 망원), a word of one syllable has letters enough for
-- trigrams, and those are ASCII: they work in every locale. Signs become spaces.
CREATE FUNCTION location.keys(words text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    typed text := normalize(lower(words), NFKD);
    -- Code points rather than letters: NFC would put jamo that stand side by side together again.
    pair text[];
BEGIN
    FOREACH pair SLICE 1 IN ARRAY ARRAY[
        ['116A', 'hk'], ['116B', 'ho'], ['116C', 'hl'], ['116F', 'nj'], ['1170', 'np'], ['1171', 'nl'], ['1174', 'ml'],
        ['11AA', 'rt'], ['11AC', 'sw'], ['11AD', 'sg'], ['11B0', 'fr'], ['11B1', 'fa'], ['11B2', 'fq'], ['11B3', 'ft'],
        ['11B4', 'fx'], ['11B5', 'fv'], ['11B6', 'fg'], ['11B9', 'qt']
    ] LOOP
        typed := replace(typed, chr(('x' || lpad(pair[1], 8, '0'))::bit(32)::int), pair[2]);
    END LOOP;
    typed := translate(
        typed,
        U&'\1100\1101\1102\1103\1104\1105\1106\1107\1108\1109\110A\110B\110C\110D\110E\110F\1110\1111\1112'
        || U&'\1161\1162\1163\1164\1165\1166\1167\1168\1169\116D\116E\1172\1173\1175'
        || U&'\11A8\11A9\11AB\11AE\11AF\11B7\11B8\11BA\11BB\11BC\11BD\11BE\11BF\11C0\11C1\11C2',
        'rRseEfaqQtTdwWczxvg' || 'koiOjpuPhynbml' || 'rRsefaqtTdwczxvg'
    );
    RETURN btrim(regexp_replace(typed, '[^a-zA-Z0-9 㐀-鿿]+', ' ', 'g'));
END
$$;

-- The keys of the initial consonants and the digits of a text: 망원1동 is ad1e. ㄲ is ㄱ, as people type it.
CREATE FUNCTION location.initials(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT btrim(translate(
        regexp_replace(normalize(words, NFKD), U&'[^\1100-\11120-9 ]+', '', 'g'),
        U&'\1100\1101\1102\1103\1104\1105\1106\1107\1108\1109\110A\110B\110C\110D\110E\110F\1110\1111\1112',
        'rrseefaqqttdwwczxvg'
    ))
$$;

-- LIKE patterns for one word that is looked for. Three letters and more may stand anywhere; fewer, which have no
-- trigram of their own, at the beginning of a word. NULL, that nothing is like, for a word without letters.
CREATE FUNCTION location.pattern(letters text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE
        WHEN char_length(letters) >= 3 THEN '%' || letters || '%'
        WHEN letters <> '' THEN '% ' || letters || '%'
    END
$$;

ALTER TABLE location.points
    ADD COLUMN source    text NOT NULL DEFAULT 'manual' CHECK (char_length(source) BETWEEN 1 AND 40),
    ADD COLUMN source_id text NOT NULL DEFAULT gen_random_uuid()::text CHECK (char_length(source_id) BETWEEN 1 AND 100),
    ADD COLUMN opening   int4multirange CHECK (opening <@ '{[0,23040)}'::int4multirange),
    ADD COLUMN name_keys text COLLATE "C" NOT NULL GENERATED ALWAYS AS (location.keys(name)) STORED,
    ADD COLUMN keys      text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        ' ' || location.keys(name) || ' ' || location.keys(replace(name, ' ', ''))
        || ' ' || location.keys(location.kind_name(kind)) || ' ' || location.keys(address)
    ) STORED,
    ADD COLUMN initials  text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        ' ' || location.initials(name) || ' ' || location.initials(replace(name, ' ', ''))
        || ' ' || location.initials(location.kind_name(kind)) || ' ' || location.initials(address)
    ) STORED,
    ADD CONSTRAINT phone_is_short CHECK (char_length(phone) BETWEEN 1 AND 40),
    ADD CONSTRAINT hours_are_short CHECK (char_length(hours) BETWEEN 1 AND 200);

COMMENT ON COLUMN location.points.source_id IS 'the id of the point in its source; loading it again updates the point';
COMMENT ON COLUMN location.points.opening IS
    'minutes in which it is open: 2880 for each kind of day (Monday to Sunday, public holiday), of which the last 1440 '
    'lie after midnight; NULL: unknown';

UPDATE location.points SET source = 'sample', source_id = id::text, opening = CASE hours
    WHEN '24시간' THEN
        '{[0,1440),[2880,4320),[5760,7200),[8640,10080),[11520,12960),[14400,15840),[17280,18720),[20160,21600)}'
    WHEN '월–금 09:00–17:00' THEN '{[540,1020),[3420,3900),[6300,6780),[9180,9660),[12060,12540)}'
    WHEN '월–금 09:00–18:00' THEN '{[540,1080),[3420,3960),[6300,6840),[9180,9720),[12060,12600)}'
    WHEN '월–토 09:00–18:00' THEN '{[540,1080),[3420,3960),[6300,6840),[9180,9720),[12060,12600),[14940,15480)}'
    WHEN '월–토 10:00–19:00' THEN '{[600,1140),[3480,4020),[6360,6900),[9240,9780),[12120,12660),[15000,15540)}'
    WHEN '화–일 11:00–19:00' THEN '{[3540,4020),[6420,6900),[9300,9780),[12180,12660),[15060,15540),[17940,18420)}'
    WHEN '화–일 11:00–20:00' THEN '{[3540,4080),[6420,6960),[9300,9840),[12180,12720),[15060,15600),[17940,18480)}'
    WHEN '수–일 12:00–20:00' THEN '{[6480,6960),[9360,9840),[12240,12720),[15120,15600),[18000,18480)}'
    WHEN '매일 11:00–20:00' THEN
        '{[660,1200),[3540,4080),[6420,6960),[9300,9840),[12180,12720),[15060,15600),[17940,18480),[20820,21360)}'
END::int4multirange
WHERE sample;

CREATE UNIQUE INDEX points_source ON location.points (source, source_id);
DROP INDEX location.points_position;
CREATE INDEX points_kind_position ON location.points USING gist (kind public.gist_text_ops, position);
-- Without a list of what is still to be sorted in, which every search after a load would have to read through.
CREATE INDEX points_keys ON location.points USING gin (keys public.gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX points_initials ON location.points USING gin (initials public.gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX points_name_keys ON location.points (name_keys);
