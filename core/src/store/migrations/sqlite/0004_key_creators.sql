-- Who created a key: 'user', 'apiKey', 'rootKey' or 'operator', and its id where it has one; NULL for keys from before
-- this was stored.
ALTER TABLE api_keys ADD COLUMN created_by_type TEXT;
ALTER TABLE api_keys ADD COLUMN created_by_id TEXT;
-- The keys that an API key created: their use counts as its own, and they can be revoked with it.
CREATE INDEX api_keys_created_by_key ON api_keys (created_by_id) WHERE created_by_type = 'apiKey';
