-- Nodes of an installation that share one store.

-- `instance`: this data directory. `installation`: whose sites these are. Of a collector also `follows`, the
-- installation whose sites it takes over, and `version`, what it has of them.
CREATE TABLE identities (
    name   TEXT NOT NULL PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Of the report node: which data directory has which number. A number is given once.
CREATE TABLE nodes (
    number    INTEGER PRIMARY KEY,
    instance  TEXT NOT NULL
) STRICT;
