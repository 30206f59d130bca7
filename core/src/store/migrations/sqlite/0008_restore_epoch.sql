-- A random number that is drawn again for every new file of version counters, and when the database was restored: by it
-- processes know a database that is not the one they have read.
ALTER TABLE changes ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
