DROP INDEX changes_at;
DROP INDEX changes_kind;
ALTER TABLE changes DROP COLUMN public;
ALTER TABLE changes DROP COLUMN profile_id;
