-- What sites open to people without an account: links, public dashboards, badges. A link that is revoked is deleted.

CREATE TABLE shares (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    site      INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    kind      TEXT    NOT NULL CHECK (kind IN ('link', 'public', 'badge')),
    token     BLOB    UNIQUE,                       -- hash of the link's token; NULL: found by the site's name
    password  TEXT,                                 -- argon2id, PHC string
    view      TEXT    NOT NULL,                     -- JSON: filters that hold whatever is asked; what a badge counts
    frames    TEXT    NOT NULL DEFAULT '[]',        -- JSON: origins of the pages that may show it
    created   INTEGER NOT NULL,                     -- UTC day
    last_day  INTEGER,                              -- last site-day on which it opens; NULL: until it is revoked
    CHECK ((kind = 'public') = (token IS NULL))
) STRICT;

CREATE UNIQUE INDEX one_public_share ON shares (site) WHERE kind = 'public';
