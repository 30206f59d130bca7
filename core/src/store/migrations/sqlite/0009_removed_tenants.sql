-- When a tenant was removed: from then on it is not there, and its keys are revoked. Its rows are deleted in short
-- transactions afterwards.
ALTER TABLE tenants ADD COLUMN removed_at BIGINT;
CREATE INDEX tenants_removed ON tenants (removed_at) WHERE removed_at IS NOT NULL;
CREATE TRIGGER tenants_remove AFTER UPDATE OF removed_at ON tenants
    BEGIN UPDATE changes SET number = number + 1; END;
