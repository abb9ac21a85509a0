-- The log: what was received, and where capture stands. Everything else in the
-- archive is made from observation and gap.

-- +goose Up
CREATE TABLE account (
  n      INTEGER PRIMARY KEY,
  uri    TEXT NOT NULL UNIQUE,
  server TEXT NOT NULL DEFAULT ''
) STRICT;

-- Times are nanoseconds since 1970 in UTC; NULL is unknown.
CREATE TABLE observation (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  account      INTEGER NOT NULL REFERENCES account,
  source       TEXT NOT NULL CHECK (source IN ('capture', 'fetch', 'backfill', 'import')),
  method       TEXT NOT NULL,
  url          TEXT NOT NULL,
  status       INTEGER NOT NULL,
  requested    INTEGER,
  received     INTEGER,
  date         INTEGER,
  content_type TEXT NOT NULL,
  capture      TEXT NOT NULL,
  once         BLOB NOT NULL UNIQUE, -- what makes a second copy the same observation
  sha256       BLOB NOT NULL,
  bytes        INTEGER NOT NULL,
  body         BLOB NOT NULL
) STRICT;

CREATE INDEX observation_account ON observation (account, received);

-- +goose StatementBegin
CREATE TRIGGER observation_is_never_changed BEFORE UPDATE ON observation
BEGIN
  SELECT RAISE(ABORT, 'observations are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER observation_is_never_deleted BEFORE DELETE ON observation
BEGIN
  SELECT RAISE(ABORT, 'observations are append-only');
END;
-- +goose StatementEnd

CREATE TABLE gap (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  account    INTEGER NOT NULL REFERENCES account,
  cause      TEXT NOT NULL,
  starts     INTEGER NOT NULL,
  ends       INTEGER, -- NULL while it lasts
  backfilled INTEGER NOT NULL DEFAULT 0,
  after      INTEGER NOT NULL, -- the last observation before it; 0 for none
  UNIQUE (account, cause, starts)
) STRICT;

CREATE INDEX gap_place ON gap (account, after);

-- +goose StatementBegin
CREATE TRIGGER gap_is_never_deleted BEFORE DELETE ON gap
BEGIN
  SELECT RAISE(ABORT, 'gaps are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER gap_ends_once BEFORE UPDATE ON gap
WHEN old.account <> new.account OR old.cause <> new.cause OR old.starts <> new.starts
  OR old.after <> new.after OR (old.ends IS NOT NULL AND new.ends IS NOT old.ends)
BEGIN
  SELECT RAISE(ABORT, 'a gap can only be ended, once');
END;
-- +goose StatementEnd

CREATE TABLE cursor (
  account     INTEGER PRIMARY KEY REFERENCES account,
  application TEXT NOT NULL,
  next        TEXT NOT NULL,
  endpoint_id TEXT NOT NULL,
  capture     TEXT NOT NULL,
  updated     INTEGER NOT NULL
) STRICT;
