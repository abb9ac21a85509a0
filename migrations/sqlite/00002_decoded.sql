-- What decoding concluded. Every table here can be emptied and made again from
-- the log. The column event (and first, last, joined_event, …) is an event's
-- id: its observation's id shifted left by 20 bits, plus its position.

-- +goose Up
CREATE TABLE watermark (
  stage       TEXT PRIMARY KEY,
  observation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE INDEX event_rel ON event (rel);
CREATE INDEX event_undecoded ON event (account) WHERE decoded = 0;

CREATE TABLE person (
  n          INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  uri        TEXT NOT NULL,
  name       TEXT NOT NULL, -- the newest name seen
  first_time INTEGER,
  last_time  INTEGER
) STRICT;

CREATE INDEX person_uri ON person (uri);

CREATE TABLE person_name (
  person INTEGER NOT NULL REFERENCES person,
  name   TEXT NOT NULL,
  last   INTEGER NOT NULL, -- the last event that gave this name
  PRIMARY KEY (person, name)
) STRICT, WITHOUT ROWID;

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
) STRICT;

CREATE INDEX conversation_last ON conversation (last);

-- One conversation resource, of which a conversation may take several.
CREATE TABLE sitting (
  account      INTEGER NOT NULL REFERENCES account,
  href         TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversation,
  closed       INTEGER, -- the event that deleted it; NULL while it is open
  PRIMARY KEY (account, href)
) STRICT, WITHOUT ROWID;

CREATE INDEX sitting_open ON sitting (conversation) WHERE closed IS NULL;

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

CREATE INDEX participant_stay ON participant (conversation, person);
CREATE INDEX participant_person ON participant (person, conversation);

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
) STRICT;

CREATE INDEX message_conversation ON message (conversation, event);
CREATE INDEX message_author ON message (author);
CREATE INDEX message_changed ON message (changed);
CREATE UNIQUE INDEX message_href ON message (account, href) WHERE href <> '';

-- The events that showed a message again.
CREATE TABLE evidence (
  message INTEGER NOT NULL REFERENCES message,
  event   INTEGER NOT NULL,
  PRIMARY KEY (message, event)
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

CREATE INDEX invitation_conversation ON invitation (conversation);
CREATE INDEX invitation_place ON invitation (account, conversation_href);
