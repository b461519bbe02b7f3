-- What administrators ask of the process that holds the store, earlier names of sites, and what a merge and a
-- correction still have to do once open days have closed.

CREATE TABLE jobs (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    request  TEXT    NOT NULL,                      -- JSON
    state    TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    words    TEXT    NOT NULL DEFAULT ''            -- how far it is, what it did, or why it failed
) STRICT;

-- Names and UUIDs under which a site is still found: of itself before it was renamed, of sites merged into it.
CREATE TABLE aliases (
    name    TEXT    NOT NULL PRIMARY KEY,
    site    INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    merged  INTEGER NOT NULL                        -- 1: of another site, whose rows are this one's now
) STRICT, WITHOUT ROWID;

-- A site that takes no more hits: once its open day is in the store, its rows become those of this one.
ALTER TABLE sites ADD COLUMN merged_into INTEGER;

-- Sources to be taken from days that were open when they were forgotten.
CREATE TABLE forgets (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    site    INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    source  TEXT    NOT NULL,
    last    INTEGER NOT NULL                        -- the last day it is taken from
) STRICT;
