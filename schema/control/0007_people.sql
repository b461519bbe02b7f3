-- What each person may do, invitations, second factors, and sign-ins that a person can tell apart.

-- Whoever could sign in before could do everything.
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;      -- 1: of the install, may do everything
UPDATE users SET owner = 1;

CREATE TABLE members (
    user  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    site  INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE ON UPDATE CASCADE,
    role  TEXT    NOT NULL CHECK (role IN ('admin', 'viewer')),
    PRIMARY KEY (user, site)
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    token    BLOB    NOT NULL UNIQUE,               -- hash of the link's token
    site     INTEGER REFERENCES sites (id) ON DELETE CASCADE ON UPDATE CASCADE,  -- NULL: the install
    role     TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'viewer')),
    by       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires  INTEGER NOT NULL                       -- ms since the epoch
) STRICT;

-- The secret that person and server share; what is offered is in use once a code of it was told.
ALTER TABLE users ADD COLUMN factor BLOB;
ALTER TABLE users ADD COLUMN factor_offered BLOB;
ALTER TABLE users ADD COLUMN factor_step INTEGER NOT NULL DEFAULT 0;  -- no code of this half minute or before counts again

CREATE TABLE recovery (
    code  BLOB    NOT NULL PRIMARY KEY,             -- hash; each counts once
    user  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN began INTEGER;                        -- ms since the epoch, to the hour
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';     -- such as "Firefox, Linux"; no user agent
