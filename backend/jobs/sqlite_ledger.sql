-- Jobs, their files, and what has come of those so far.
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, client TEXT NOT NULL, key TEXT, fingerprint TEXT NOT NULL, store INTEGER NOT NULL,
    request_id TEXT NOT NULL, created REAL NOT NULL, UNIQUE (client, key)
);
CREATE TABLE IF NOT EXISTS tasks (
    job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, place INTEGER NOT NULL,
    path TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, turn INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued', attempt INTEGER NOT NULL DEFAULT 0,
    stage TEXT NOT NULL DEFAULT 'waiting', progress REAL NOT NULL DEFAULT 0, began REAL, ended REAL,
    status INTEGER, body TEXT, frames TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (job, place)
);
CREATE INDEX IF NOT EXISTS turns ON tasks (state, turn);

CREATE TABLE IF NOT EXISTS figures (ended INTEGER NOT NULL, seconds REAL NOT NULL, retries INTEGER NOT NULL);
INSERT INTO figures SELECT 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM figures);
CREATE TRIGGER IF NOT EXISTS ended AFTER UPDATE OF status ON tasks WHEN new.status IS NOT NULL BEGIN
    UPDATE figures SET ended = ended + 1, seconds = seconds + new.ended - new.began;
END;
CREATE TRIGGER IF NOT EXISTS begun_again AFTER UPDATE OF attempt ON tasks WHEN new.attempt > max(old.attempt, 1) BEGIN
    UPDATE figures SET retries = retries + 1;
END;
