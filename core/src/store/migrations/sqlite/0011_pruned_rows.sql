-- The time that deletions go by, and the boot clock then: a clock that was set ahead does not delete everything at once.
-- One row; 0 before the first deletion.
CREATE TABLE pruning (
    seen_at BIGINT NOT NULL,
    boot_ms BIGINT NOT NULL
);
INSERT INTO pruning (seen_at, boot_ms) VALUES (0, 0);

-- By these, rows that say nothing any more are found.
CREATE INDEX known_sources_by_age ON known_sources (last_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);
CREATE INDEX sessions_by_revocation ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX one_time_tokens_by_end ON one_time_tokens (expires_at);
CREATE INDEX usage_sums_by_age ON usage_sums (period, starts);
CREATE INDEX audit_events_of_strangers ON audit_events (created_at) WHERE tenant_id IS NULL AND target IS NULL;
