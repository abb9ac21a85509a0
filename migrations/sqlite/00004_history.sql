-- The server's conversation history: how far reading it has come, and the
-- tables made from what was read.

-- +goose Up

-- What reading an account's history came to. It is told by the server and by
-- our clock, so a rebuild leaves it alone.
CREATE TABLE history (
  account      INTEGER PRIMARY KEY REFERENCES account,
  availability TEXT NOT NULL CHECK (availability IN ('unknown', 'available', 'unavailable')),
  checked      INTEGER, -- when the server last said which
  begun        INTEGER, -- when the round that is not finished began; NULL when none is
  whole        INTEGER NOT NULL, -- whether that round may be taken to read all there is
  round        INTEGER, -- when the last round that was finished began
  finished     INTEGER, -- when it was finished
  covered      INTEGER, -- when the last round began that covers the gaps before it
  trouble      TEXT NOT NULL, -- what last went wrong, in codes; '' since it went well again
  trouble_at   INTEGER
) STRICT;

-- What a round that is not finished has found to read, and has read.
CREATE TABLE history_task (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL REFERENCES account,
  rel     TEXT NOT NULL,
  url     TEXT NOT NULL,
  done    INTEGER NOT NULL DEFAULT 0,
  UNIQUE (account, url)
) STRICT;

CREATE INDEX history_pending ON history_task (account, id) WHERE done = 0;

-- The newest version of each resource of the history: what is the same as that
-- is not stored again.
CREATE TABLE history_version (
  account     INTEGER NOT NULL REFERENCES account,
  resource    TEXT NOT NULL, -- its place within the application
  sha256      BLOB NOT NULL, -- of its body, less what names the application
  observation INTEGER NOT NULL REFERENCES observation,
  PRIMARY KEY (account, resource)
) STRICT, WITHOUT ROWID;

-- The rest is made from the log and can be made again.

-- A conversation of the server's history.
CREATE TABLE conversation_log (
  account      INTEGER NOT NULL REFERENCES account,
  href         TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversation,
  type         TEXT NOT NULL,
  status       TEXT NOT NULL,
  created      INTEGER,
  event        INTEGER NOT NULL, -- that showed it last
  PRIMARY KEY (account, href)
) STRICT, WITHOUT ROWID;

-- Which log a page of what was said belongs to.
CREATE TABLE log_page (
  account INTEGER NOT NULL REFERENCES account,
  href    TEXT NOT NULL,
  log     TEXT NOT NULL,
  PRIMARY KEY (account, href)
) STRICT, WITHOUT ROWID;

-- That a log shows a message. copy tells apart what one log shows several
-- times with the same author, time and words.
CREATE TABLE sighting (
  message INTEGER NOT NULL REFERENCES message,
  log     TEXT NOT NULL,
  time    INTEGER,
  words   BLOB NOT NULL,
  copy    INTEGER NOT NULL,
  PRIMARY KEY (message, log)
) STRICT, WITHOUT ROWID;

CREATE TABLE missed_items (
  account      INTEGER PRIMARY KEY REFERENCES account,
  logs         INTEGER NOT NULL,
  missed       INTEGER NOT NULL,
  unread       INTEGER NOT NULL,
  voice_mails  INTEGER NOT NULL,
  unread_voice INTEGER NOT NULL,
  event        INTEGER NOT NULL
) STRICT;

-- live is 0 for what only the history shows. place and place_time order
-- messages, and conversations: the event for what is live; for the rest the
-- live event that it comes after, then its time.
ALTER TABLE message ADD COLUMN live INTEGER NOT NULL DEFAULT 1;
ALTER TABLE message ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN place_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN text_log INTEGER NOT NULL DEFAULT 0; -- its text is known from the history alone
ALTER TABLE conversation ADD COLUMN live INTEGER NOT NULL DEFAULT 1;
ALTER TABLE conversation ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN place_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evidence ADD COLUMN log TEXT NOT NULL DEFAULT ''; -- '' when the event is live
UPDATE message SET place = event;
UPDATE conversation SET place = last;

DROP INDEX message_conversation;
CREATE INDEX message_conversation ON message (conversation, place, place_time, event);
CREATE INDEX message_time ON message (conversation, live, time);
CREATE INDEX conversation_place ON conversation (place, place_time, last);
