-- The last report on whether what is claimed is so, and who changed what.

CREATE TABLE verification (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    report  TEXT NOT NULL                           -- JSON
) STRICT;

-- Who did what to which site. Sites are named by their number only: what is said of one that was erased names nothing.
CREATE TABLE audit (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    at    INTEGER NOT NULL,                         -- ms since the epoch, to the minute
    who   TEXT    NOT NULL,                         -- a person of `users`, or who held the command line
    what  TEXT    NOT NULL,                         -- one of a closed list
    site  INTEGER                                   -- its number then
) STRICT;
