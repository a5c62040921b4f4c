CREATE TABLE introductions (
    id TEXT PRIMARY KEY NOT NULL,
    requester_id TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    target_id TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    need_id TEXT REFERENCES needs (id) ON DELETE SET NULL,
    requested_by TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    note TEXT NOT NULL,
    -- The sentence with which matching recommended the target, or null where it did not.
    reason TEXT,
    decline_code TEXT,
    decline_message TEXT,
    expires_at TIMESTAMP NOT NULL,
    decided_at TIMESTAMP,
    -- Set when contact details were disclosed to both sides.
    disclosed_at TIMESTAMP,
    version INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX introductions_open_pair ON introductions (requester_id, target_id) WHERE status = 'requested';
CREATE INDEX introductions_requester ON introductions (requester_id, status, id);
CREATE INDEX introductions_target ON introductions (target_id, status, id);
CREATE INDEX introductions_expiry ON introductions (status, expires_at);

-- What each side tells us privately after they met, or did not.
CREATE TABLE introduction_feedback (
    introduction_id TEXT NOT NULL REFERENCES introductions (id) ON DELETE CASCADE,
    profile_id TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    met BOOLEAN NOT NULL,
    rating INTEGER,
    comment TEXT,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (introduction_id, profile_id)
);
