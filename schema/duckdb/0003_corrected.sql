-- Closed days from which rows were taken later, because a source turned out to be spam: their families `source`
-- and `visit` count less than the others do.
ALTER TABLE days ADD COLUMN corrected BOOLEAN DEFAULT false;
