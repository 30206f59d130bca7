-- Versions before this one let it be removed, after which no key manager without a root key could create keys.
INSERT OR IGNORE INTO tenants (id, name, created_at) VALUES ('tnt_00000000000000000000000000', 'default', 0);
