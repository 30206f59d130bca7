-- From when on tokens are signed with a key: it is published before, so that verifiers know it by then.
ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_from = created_at;
