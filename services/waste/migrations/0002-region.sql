ALTER TABLE scans ADD COLUMN region text CHECK (region ~ '^[a-z][a-z0-9_]{0,49}$');  -- null: the rules of the whole country
