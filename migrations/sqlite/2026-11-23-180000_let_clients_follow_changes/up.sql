-- Who may hear of a change: everybody, or those who manage the profile that the row belongs to.
-- Of older entries nobody knows it, so they go as if they had been trimmed by age.
INSERT OR REPLACE INTO meta (key, value)
SELECT 'changes_trimmed_to', '0.' || seq FROM changes ORDER BY seq DESC LIMIT 1;
DELETE FROM changes;

ALTER TABLE changes ADD COLUMN profile_id TEXT NOT NULL;
ALTER TABLE changes ADD COLUMN public BOOLEAN NOT NULL;

-- A list is followed from a position, and entered by a time.
CREATE INDEX changes_kind ON changes (kind, seq);
CREATE INDEX changes_at ON changes (at);
