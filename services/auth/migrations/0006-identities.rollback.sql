-- Who could sign in by a provider alone cannot be kept.
DELETE FROM auth.users WHERE email IS NULL OR password_hash IS NULL;
ALTER TABLE auth.users
    DROP CONSTRAINT users_verified_needs_email,
    DROP CONSTRAINT users_password_needs_email,
    ALTER COLUMN password_hash SET NOT NULL,
    ALTER COLUMN email SET NOT NULL;
DROP TABLE auth.identities;
