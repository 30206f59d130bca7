-- How large each tenant is, kept by whatever program writes.
ALTER TABLE tenants ADD COLUMN key_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN member_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN metadata_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE tenants SET
    key_count = (SELECT count(*) FROM api_keys WHERE tenant_id = tenants.id),
    member_count = (SELECT count(*) FROM members WHERE tenant_id = tenants.id),
    metadata_bytes = (SELECT coalesce(sum(length(CAST(metadata AS BLOB))), 0) FROM api_keys
                      WHERE tenant_id = tenants.id);

CREATE TRIGGER api_keys_size_insert AFTER INSERT ON api_keys BEGIN
    UPDATE tenants SET key_count = key_count + 1,
        metadata_bytes = metadata_bytes + coalesce(length(CAST(NEW.metadata AS BLOB)), 0)
    WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER api_keys_size_delete AFTER DELETE ON api_keys BEGIN
    UPDATE tenants SET key_count = key_count - 1,
        metadata_bytes = metadata_bytes - coalesce(length(CAST(OLD.metadata AS BLOB)), 0)
    WHERE id = OLD.tenant_id;
END;
CREATE TRIGGER api_keys_size_update AFTER UPDATE OF metadata ON api_keys BEGIN
    UPDATE tenants SET metadata_bytes = metadata_bytes
        + coalesce(length(CAST(NEW.metadata AS BLOB)), 0) - coalesce(length(CAST(OLD.metadata AS BLOB)), 0)
    WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER members_size_insert AFTER INSERT ON members BEGIN
    UPDATE tenants SET member_count = member_count + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER members_size_delete AFTER DELETE ON members BEGIN
    UPDATE tenants SET member_count = member_count - 1 WHERE id = OLD.tenant_id;
END;
