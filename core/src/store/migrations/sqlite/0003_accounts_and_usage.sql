CREATE TABLE users (
    id             TEXT   NOT NULL PRIMARY KEY,
    -- Normalised: what is equal for people is equal here.
    email          TEXT   NOT NULL UNIQUE,
    email_verified BIGINT NOT NULL DEFAULT 0,
    name           TEXT,
    -- A PHC string.
    password       TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);

-- A session is one refresh-token family.
CREATE TABLE sessions (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    source       TEXT,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    -- When the newest refresh token ends.
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT
);
CREATE INDEX sessions_of_user ON sessions (user_id);

-- What can be used once: kept until it ends, so that its second use is noticed.
CREATE TABLE one_time_tokens (
    digest     BLOB   NOT NULL PRIMARY KEY,
    -- What for, such as 'refresh'.
    purpose    TEXT   NOT NULL,
    -- The id of what it belongs to, such as a session.
    subject    TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX one_time_tokens_of_subject ON one_time_tokens (subject);

-- Failed logins by account and source; the account is a digest, since it may not exist.
CREATE TABLE login_failures (
    account BLOB   NOT NULL,
    source  TEXT   NOT NULL,
    count   BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (account, source)
);
-- Where an account has logged in from before.
CREATE TABLE known_sources (
    account BLOB   NOT NULL,
    source  TEXT   NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (account, source)
);

CREATE TABLE signing_keys (
    id          TEXT   NOT NULL PRIMARY KEY,
    algorithm   TEXT   NOT NULL,
    -- PKCS#8, sealed under the place's secret.
    private_key BLOB   NOT NULL,
    -- A JWK (RFC 7517).
    public_key  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    -- From when on nothing is signed with it any more.
    retired_at  BIGINT
);

ALTER TABLE tenants ADD COLUMN quota_limit BIGINT;
ALTER TABLE tenants ADD COLUMN quota_period TEXT NOT NULL DEFAULT 'month';

CREATE TABLE members (
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX members_of_user ON members (user_id);

ALTER TABLE api_keys ADD COLUMN status TEXT NOT NULL DEFAULT 'active';
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN quota_limit BIGINT;
ALTER TABLE api_keys ADD COLUMN quota_period TEXT NOT NULL DEFAULT 'month';
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;
-- Of an imported digest: what was hashed after the key; NULL where the key has the form of this product.
ALTER TABLE api_keys ADD COLUMN hashed_suffix TEXT;
CREATE INDEX api_keys_of_tenant ON api_keys (tenant_id, id);
CREATE INDEX api_keys_imported ON api_keys (hashed_suffix) WHERE hashed_suffix IS NOT NULL;

-- The secret that a key had before its last rotation, good until then.
CREATE TABLE old_digests (
    key_id TEXT   NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    digest BLOB   NOT NULL UNIQUE,
    until  BIGINT NOT NULL,
    -- As in api_keys.
    hashed_suffix TEXT
);
CREATE INDEX old_digests_imported ON old_digests (hashed_suffix) WHERE hashed_suffix IS NOT NULL;

DROP TRIGGER api_keys_update;
CREATE TRIGGER api_keys_update
    AFTER UPDATE OF id, tenant_id, digest, roles, owner_id, expires_at, status, scopes, metadata, hashed_suffix
    ON api_keys
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER old_digests_insert AFTER INSERT ON old_digests
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER old_digests_update AFTER UPDATE ON old_digests
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER old_digests_delete AFTER DELETE ON old_digests
    BEGIN UPDATE changes SET number = number + 1; END;

CREATE TABLE usage_events (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant_id       TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    -- Kept after the key is gone.
    api_key_id      TEXT,
    service         TEXT   NOT NULL,
    action          TEXT   NOT NULL,
    quantity        BIGINT NOT NULL,
    metadata        TEXT,
    idempotency_key TEXT,
    -- SHA-256 of the request that the idempotency key stands for.
    request         BLOB,
    created_at      BIGINT NOT NULL
);
CREATE INDEX usage_events_of_tenant ON usage_events (tenant_id, id);
CREATE INDEX usage_events_of_key ON usage_events (api_key_id, id) WHERE api_key_id IS NOT NULL;
CREATE UNIQUE INDEX usage_events_idempotent ON usage_events (tenant_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- What was used in a UTC calendar bucket, by a tenant or by one of its keys.
CREATE TABLE usage_sums (
    -- A tenant's id or a key's.
    subject  TEXT   NOT NULL,
    period   TEXT   NOT NULL,
    -- Unix ms.
    starts   BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    events   BIGINT NOT NULL,
    PRIMARY KEY (subject, period, starts)
) WITHOUT ROWID;

CREATE TABLE audit_events (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- No reference: it outlives what it tells of. NULL where no tenant is concerned.
    tenant_id  TEXT,
    actor_type TEXT   NOT NULL,
    actor_id   TEXT,
    action     TEXT   NOT NULL,
    target     TEXT,
    metadata   TEXT,
    source     TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX audit_events_of_tenant ON audit_events (tenant_id, id);
