-- Suffixes are counted of keys that can still be valid, by tenant.
DROP INDEX api_keys_imported;
CREATE INDEX api_keys_imported ON api_keys (hashed_suffix, tenant_id, expires_at)
    WHERE hashed_suffix IS NOT NULL AND status <> 'revoked';
