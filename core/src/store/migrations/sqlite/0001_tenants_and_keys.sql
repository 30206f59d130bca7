-- The number of the last change that can alter a verdict. One row.
CREATE TABLE changes (
    number BIGINT NOT NULL
);
INSERT INTO changes (number) VALUES (1);

CREATE TABLE tenants (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
-- Where a key manager without a root key creates its keys.
INSERT INTO tenants (id, name, created_at) VALUES ('tnt_00000000000000000000000000', 'default', 0);

-- Root keys act for their tenant. They are never looked up where a user's key is.
CREATE TABLE root_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    digest     BLOB   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    digest     BLOB   NOT NULL UNIQUE,
    prefix     TEXT   NOT NULL,
    roles      TEXT   NOT NULL,
    owner_id   TEXT,
    name       TEXT,
    metadata   TEXT,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Whoever writes, by whatever program: what can alter a verdict takes the next change number.
CREATE TRIGGER api_keys_insert AFTER INSERT ON api_keys
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER api_keys_update AFTER UPDATE OF id, tenant_id, digest, roles, owner_id, expires_at ON api_keys
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER api_keys_delete AFTER DELETE ON api_keys
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER root_keys_insert AFTER INSERT ON root_keys
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER root_keys_update AFTER UPDATE ON root_keys
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER root_keys_delete AFTER DELETE ON root_keys
    BEGIN UPDATE changes SET number = number + 1; END;
