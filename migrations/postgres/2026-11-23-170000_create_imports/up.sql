-- Which record of which source became which row, and what it looked like, so that an import can be repeated.
CREATE TABLE imported_records (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    imported_at TIMESTAMP NOT NULL,
    PRIMARY KEY (source, key)
);
