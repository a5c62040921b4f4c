CREATE TABLE needs (
    id TEXT PRIMARY KEY NOT NULL,
    profile_id TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    content TEXT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX needs_profile ON needs (profile_id, id);
CREATE INDEX needs_status ON needs (status, id);
CREATE INDEX needs_expiry ON needs (status, expires_at);

CREATE TABLE offerings (
    id TEXT PRIMARY KEY NOT NULL,
    profile_id TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    content TEXT NOT NULL,
    opens_at TIMESTAMP,
    closes_at TIMESTAMP,
    version INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX offerings_profile ON offerings (profile_id, id);
CREATE INDEX offerings_status ON offerings (status, id);
CREATE INDEX offerings_closing ON offerings (status, closes_at);
