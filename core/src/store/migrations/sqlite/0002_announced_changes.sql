-- The number of the last change that was announced to every process. Who changes records by hand leaves it behind.
ALTER TABLE changes ADD COLUMN announced BIGINT NOT NULL DEFAULT 0;
UPDATE changes SET announced = number;
