-- Wrong passwords by client address, whatever account they were for, and when.
CREATE TABLE password_failures (
    address TEXT   NOT NULL,
    -- Unix ms.
    at      BIGINT NOT NULL,
    count   BIGINT NOT NULL,
    PRIMARY KEY (address, at)
);
CREATE INDEX password_failures_by_age ON password_failures (at);
CREATE INDEX login_failures_by_age ON login_failures (last_at);
