CREATE TABLE events (
    id TEXT PRIMARY KEY NOT NULL,
    profile_id TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    format TEXT NOT NULL,
    country TEXT,
    city TEXT,
    starts_at TIMESTAMP NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    zone TEXT NOT NULL,
    content TEXT NOT NULL,
    status_reason TEXT,
    sequence INTEGER NOT NULL,
    published_at TIMESTAMP,
    version INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX events_start ON events (starts_at, id);
CREATE INDEX events_profile ON events (profile_id, starts_at, id);
CREATE INDEX events_end ON events (status, ends_at);

-- What events are listed by, over and above their columns: languages and topics.
CREATE TABLE event_tags (
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (event_id, kind, value)
);
CREATE INDEX event_tags_value ON event_tags (kind, value, event_id);
