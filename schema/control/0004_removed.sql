-- Every site that was removed, reset or made part of another, by its number then: a collector erases these, and no site
-- that a report node merely does not know.
CREATE TABLE removed (
    id    INTEGER PRIMARY KEY,
    uuid  TEXT NOT NULL
) STRICT;

CREATE TRIGGER removed_with_its_site AFTER DELETE ON sites BEGIN
    INSERT OR REPLACE INTO removed VALUES (old.id, old.uuid);
END;

CREATE TRIGGER removed_with_its_number AFTER UPDATE OF id ON sites WHEN old.id <> new.id BEGIN
    INSERT OR REPLACE INTO removed VALUES (old.id, old.uuid);
END;
