-- Removed sites of which nothing may be left (1): not even the name, here.
ALTER TABLE removals ADD COLUMN wholly INTEGER NOT NULL DEFAULT 0;
