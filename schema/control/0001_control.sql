-- Sites, people, keys and vocabularies. Nothing here describes a visitor.

CREATE TABLE sites (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused, also after a removal
    name        TEXT    NOT NULL UNIQUE,            -- fixed when the site is added
    uuid        TEXT    NOT NULL UNIQUE,
    simulated   INTEGER NOT NULL DEFAULT 0,
    version     INTEGER NOT NULL,                   -- grows with every change
    settings    TEXT    NOT NULL,                   -- JSON, as in effect before `pending` takes over
    pending     TEXT,                               -- JSON: zone, k, kept and the day from which they count
    since_day   INTEGER,                            -- first day counted in the zone in effect; NULL: always
    declared    TEXT    NOT NULL DEFAULT '{}'       -- JSON: the day on which each name was declared
) STRICT;

-- Sites removed whose rows may still have to be erased from the store.
CREATE TABLE removals (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role      TEXT NOT NULL CHECK (role IN ('admin')),
    password  TEXT NOT NULL                         -- argon2id, PHC string
) STRICT;

CREATE TABLE sessions (
    token      BLOB    NOT NULL PRIMARY KEY,        -- hash of the cookie's token
    user       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires    INTEGER NOT NULL,                    -- ms since the epoch
    last_used  INTEGER NOT NULL                     -- ms since the epoch, to the hour
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT    NOT NULL,
    site     INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    scope    TEXT    NOT NULL CHECK (scope IN ('read', 'staff')),
    hash     BLOB    NOT NULL UNIQUE,
    created  INTEGER NOT NULL,                      -- UTC day
    revoked  INTEGER                                -- UTC day
) STRICT;

-- At most one row: the hash of the token that lets a person claim a fresh install.
CREATE TABLE claim (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    token  BLOB NOT NULL
) STRICT;

-- Values that k visitors used on a day: admitted past the caps on later days.
CREATE TABLE admitted (
    site      INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    kind      INTEGER NOT NULL,                     -- 0 page, 1 source, 2..6 utm_source .. utm_term
    value     TEXT    NOT NULL,
    last_day  INTEGER NOT NULL,
    PRIMARY KEY (site, kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    site  INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    day   INTEGER NOT NULL,
    text  TEXT    NOT NULL
) STRICT;
