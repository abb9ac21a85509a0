CREATE INDEX conversation_last ON conversation (last);

CREATE INDEX conversation_place ON conversation (place, place_time, last);

CREATE INDEX event_rel ON event (rel);

CREATE INDEX event_undecoded ON event (account) WHERE decoded = 0;

CREATE INDEX fetch_pending ON fetch (account, attempts, id) WHERE outcome = '';

CREATE INDEX gap_place ON gap (account, after);

CREATE INDEX history_pending ON history_task (account, id) WHERE done = 0;

CREATE INDEX invitation_conversation ON invitation (conversation);

CREATE INDEX invitation_place ON invitation (account, conversation_href);

CREATE INDEX message_author ON message (author);

CREATE INDEX message_changed ON message (changed);

CREATE INDEX message_conversation ON message (conversation, place, place_time, event);

CREATE UNIQUE INDEX message_href ON message (account, href) WHERE href <> '';

CREATE INDEX message_time ON message (conversation, live, time);

CREATE INDEX observation_account ON observation (account, received);

CREATE INDEX participant_person ON participant (person, conversation);

CREATE INDEX participant_stay ON participant (conversation, person);

CREATE INDEX person_uri ON person (uri);

CREATE INDEX sitting_open ON sitting (conversation) WHERE closed IS NULL;

CREATE TABLE account (
  n      INTEGER PRIMARY KEY,
  uri    TEXT NOT NULL UNIQUE,
  server TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE conversation (
  n              INTEGER PRIMARY KEY,
  id             TEXT NOT NULL UNIQUE,
  account        INTEGER NOT NULL REFERENCES account,
  thread         TEXT NOT NULL,
  subject        TEXT NOT NULL,
  kind           TEXT NOT NULL,
  importance     TEXT NOT NULL,
  state          TEXT NOT NULL,
  started        INTEGER,
  started_source TEXT NOT NULL,
  ended          INTEGER,
  ended_source   TEXT NOT NULL,
  first          INTEGER NOT NULL,
  last           INTEGER NOT NULL,
  messages       INTEGER NOT NULL DEFAULT 0,
  last_message   INTEGER -- the newest message's event
, live INTEGER NOT NULL DEFAULT 1, place INTEGER NOT NULL DEFAULT 0, place_time INTEGER NOT NULL DEFAULT 0) STRICT;

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

CREATE TABLE cursor (
  account     INTEGER PRIMARY KEY REFERENCES account,
  application TEXT NOT NULL,
  next        TEXT NOT NULL,
  endpoint_id TEXT NOT NULL,
  capture     TEXT NOT NULL,
  updated     INTEGER NOT NULL
, polled INTEGER) STRICT;

CREATE TABLE event (
  id          INTEGER PRIMARY KEY,
  account     INTEGER NOT NULL REFERENCES account,
  sender      TEXT NOT NULL,
  sender_href TEXT NOT NULL,
  type        TEXT NOT NULL,
  rel         TEXT NOT NULL,
  href        TEXT NOT NULL,
  title       TEXT NOT NULL,
  in_rel      TEXT NOT NULL,
  in_href     TEXT NOT NULL,
  status      TEXT NOT NULL,
  code        TEXT, -- NULL when the event gave no reason
  subcode     TEXT,
  reason      TEXT,
  embedded    INTEGER NOT NULL,
  decoded     INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  error       TEXT NOT NULL
) STRICT;

CREATE TABLE evidence (
  message INTEGER NOT NULL REFERENCES message,
  event   INTEGER NOT NULL, log TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (message, event)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE "gap" (
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

CREATE TABLE history_task (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL REFERENCES account,
  rel     TEXT NOT NULL,
  url     TEXT NOT NULL,
  done    INTEGER NOT NULL DEFAULT 0,
  UNIQUE (account, url)
) STRICT;

CREATE TABLE history_version (
  account     INTEGER NOT NULL REFERENCES account,
  resource    TEXT NOT NULL, -- its place within the application
  sha256      BLOB NOT NULL, -- of its body, less what names the application
  observation INTEGER NOT NULL REFERENCES observation,
  PRIMARY KEY (account, resource)
) STRICT, WITHOUT ROWID;

CREATE TABLE invitation (
  n                 INTEGER PRIMARY KEY,
  id                TEXT NOT NULL UNIQUE,
  account           INTEGER NOT NULL REFERENCES account,
  conversation      INTEGER REFERENCES conversation,
  conversation_href TEXT NOT NULL,
  kind              TEXT NOT NULL,
  direction         TEXT NOT NULL,
  author            INTEGER REFERENCES person,
  recipient         INTEGER REFERENCES person,
  subject           TEXT NOT NULL,
  importance        TEXT NOT NULL,
  message           INTEGER REFERENCES message,
  state             TEXT NOT NULL,
  outcome           TEXT NOT NULL,
  status            TEXT NOT NULL,
  code              TEXT NOT NULL,
  subcode           TEXT NOT NULL,
  reason            TEXT NOT NULL,
  started           INTEGER,
  started_source    TEXT NOT NULL,
  started_event     INTEGER NOT NULL,
  completed         INTEGER,
  completed_source  TEXT NOT NULL,
  completed_event   INTEGER
) STRICT;

CREATE TABLE log_page (
  account INTEGER NOT NULL REFERENCES account,
  href    TEXT NOT NULL,
  log     TEXT NOT NULL,
  PRIMARY KEY (account, href)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
  event        INTEGER PRIMARY KEY, -- the first event that showed it
  id           TEXT NOT NULL UNIQUE,
  account      INTEGER NOT NULL REFERENCES account,
  conversation INTEGER NOT NULL REFERENCES conversation,
  href         TEXT NOT NULL, -- '' while only its invitation has shown it
  author       INTEGER REFERENCES person,
  author_name  TEXT NOT NULL,
  direction    TEXT NOT NULL,
  time         INTEGER,
  time_source  TEXT NOT NULL,
  format       TEXT NOT NULL,
  text         TEXT NOT NULL,
  html         TEXT NOT NULL,
  text_known   INTEGER NOT NULL,
  status       TEXT NOT NULL,
  code         TEXT,
  subcode      TEXT,
  reason       TEXT,
  changed      INTEGER NOT NULL -- the observation that changed it last
, live INTEGER NOT NULL DEFAULT 1, place INTEGER NOT NULL DEFAULT 0, place_time INTEGER NOT NULL DEFAULT 0, text_log INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE missed_items (
  account      INTEGER PRIMARY KEY REFERENCES account,
  logs         INTEGER NOT NULL,
  missed       INTEGER NOT NULL,
  unread       INTEGER NOT NULL,
  voice_mails  INTEGER NOT NULL,
  unread_voice INTEGER NOT NULL,
  event        INTEGER NOT NULL
) STRICT;

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

CREATE TABLE participant (
  n              INTEGER PRIMARY KEY,
  conversation   INTEGER NOT NULL REFERENCES conversation,
  person         INTEGER NOT NULL REFERENCES person,
  name           TEXT NOT NULL,
  local          INTEGER NOT NULL,
  anonymous      INTEGER NOT NULL,
  role           TEXT NOT NULL,
  source_network TEXT NOT NULL,
  joined         INTEGER,
  joined_source  TEXT NOT NULL,
  joined_event   INTEGER NOT NULL,
  "left"         INTEGER,
  left_source    TEXT NOT NULL,
  left_event     INTEGER -- NULL while present
) STRICT;

CREATE TABLE person (
  n          INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  uri        TEXT NOT NULL,
  name       TEXT NOT NULL, -- the newest name seen
  first_time INTEGER,
  last_time  INTEGER
) STRICT;

CREATE TABLE person_name (
  person INTEGER NOT NULL REFERENCES person,
  name   TEXT NOT NULL,
  last   INTEGER NOT NULL, -- the last event that gave this name
  PRIMARY KEY (person, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
  account      INTEGER NOT NULL REFERENCES account,
  name         TEXT NOT NULL,
  value        TEXT NOT NULL,
  seen         INTEGER NOT NULL,
  acknowledged INTEGER,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE sighting (
  message INTEGER NOT NULL REFERENCES message,
  log     TEXT NOT NULL,
  time    INTEGER,
  words   BLOB NOT NULL,
  copy    INTEGER NOT NULL,
  PRIMARY KEY (message, log)
) STRICT, WITHOUT ROWID;

CREATE TABLE sitting (
  account      INTEGER NOT NULL REFERENCES account,
  href         TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversation,
  closed       INTEGER, -- the event that deleted it; NULL while it is open
  PRIMARY KEY (account, href)
) STRICT, WITHOUT ROWID;

CREATE TABLE watermark (
  stage       TEXT PRIMARY KEY,
  observation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER gap_ends_once BEFORE UPDATE ON gap
WHEN old.account <> new.account OR old.cause <> new.cause OR old.starts <> new.starts
  OR old.after <> new.after OR old.conversation <> new.conversation
  OR (old.ends IS NOT NULL AND new.ends IS NOT old.ends)
BEGIN
  SELECT RAISE(ABORT, 'a gap can only be ended, once');
END;

CREATE TRIGGER gap_is_never_deleted BEFORE DELETE ON gap
BEGIN
  SELECT RAISE(ABORT, 'gaps are append-only');
END;

CREATE TRIGGER observation_is_never_changed BEFORE UPDATE ON observation
BEGIN
  SELECT RAISE(ABORT, 'observations are append-only');
END;

CREATE TRIGGER observation_is_never_deleted BEFORE DELETE ON observation
BEGIN
  SELECT RAISE(ABORT, 'observations are append-only');
END;

