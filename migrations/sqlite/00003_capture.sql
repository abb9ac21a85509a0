-- What capture has still to do and was told, and what a gap is about. Of these
-- only gaps are exported: the rest concerns this archive's place at the server.

-- +goose Up

-- Resources that a committed observation links to without embedding them. A
-- row goes with the commit of what was fetched; one that was given up stays,
-- with the reason.
CREATE TABLE fetch (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  account  INTEGER NOT NULL REFERENCES account,
  capture  TEXT NOT NULL,
  rel      TEXT NOT NULL,
  href     TEXT NOT NULL,
  after    INTEGER NOT NULL, -- the observation that links to it
  attempts INTEGER NOT NULL DEFAULT 0,
  outcome  TEXT NOT NULL DEFAULT '' -- '' while it is to be fetched
) STRICT;

CREATE INDEX fetch_pending ON fetch (account, attempts, id) WHERE outcome = '';

-- When a P-GET was last answered; NULL when never. updated moves too when an
-- application is created and when capture stops.
ALTER TABLE cursor ADD COLUMN polled INTEGER;
UPDATE cursor SET polled = updated WHERE next <> '';

-- The administrator's wishes as the server last told them, and when the
-- operator said that he knows of them: NULL while he has not.
CREATE TABLE policy (
  account      INTEGER NOT NULL REFERENCES account,
  name         TEXT NOT NULL,
  value        TEXT NOT NULL,
  seen         INTEGER NOT NULL,
  acknowledged INTEGER,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- A gap may concern one conversation alone, and several begin at once.
CREATE TABLE gap_of_conversation (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  account      INTEGER NOT NULL REFERENCES account,
  cause        TEXT NOT NULL,
  starts       INTEGER NOT NULL,
  ends         INTEGER, -- NULL while it lasts
  backfilled   INTEGER NOT NULL DEFAULT 0,
  after        INTEGER NOT NULL, -- the last observation before it; 0 for none
  conversation TEXT NOT NULL DEFAULT '', -- href; '' when it concerns everything
  UNIQUE (account, cause, starts, conversation)
) STRICT;

INSERT INTO gap_of_conversation (id, account, cause, starts, ends, backfilled, after)
  SELECT id, account, cause, starts, ends, backfilled, after FROM gap ORDER BY id;
DROP TABLE gap;
ALTER TABLE gap_of_conversation RENAME TO gap;

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
  OR old.after <> new.after OR old.conversation <> new.conversation
  OR (old.ends IS NOT NULL AND new.ends IS NOT old.ends)
BEGIN
  SELECT RAISE(ABORT, 'a gap can only be ended, once');
END;
-- +goose StatementEnd
