-- Who may hear of a change: everybody, or those who manage the profile that the row belongs to.
-- Of older entries nobody knows it, so they go as if they had been trimmed by age.
INSERT INTO meta (key, value)
SELECT 'changes_trimmed_to', tx::text || '.' || seq FROM changes ORDER BY tx DESC, seq DESC LIMIT 1
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
DELETE FROM changes;

ALTER TABLE changes ADD COLUMN profile_id TEXT NOT NULL;
ALTER TABLE changes ADD COLUMN public BOOLEAN NOT NULL;

-- A list is followed from a position, and entered by a time.
CREATE INDEX changes_kind ON changes (kind, tx, seq);
CREATE INDEX changes_at ON changes (at);
