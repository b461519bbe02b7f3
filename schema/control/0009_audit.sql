-- Whose role, password or invitation a deed was about, and a way to the entries of one person's deeds of a kind.

ALTER TABLE audit ADD COLUMN about TEXT;            -- a person of `users`, perhaps with a role; never a visitor

CREATE INDEX audit_deeds ON audit (who, what, id);
