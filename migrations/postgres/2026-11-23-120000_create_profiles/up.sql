-- `content` is JSON: what a profile says of itself. The columns are what SQL asks for.
CREATE TABLE profiles (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    capacity INTEGER,
    content TEXT NOT NULL,
    status_reason TEXT,
    fictional BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    confirmed_at TIMESTAMP NOT NULL,
    reminded_at TIMESTAMP
);
CREATE INDEX profiles_status ON profiles (status, kind, id);
CREATE INDEX profiles_confirmed ON profiles (status, confirmed_at);

CREATE TABLE memberships (
    profile_id TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (profile_id, account_id)
);
CREATE INDEX memberships_account ON memberships (account_id);

-- Who wants to hear of a hub's new events.
CREATE TABLE follows (
    profile_id TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (profile_id, account_id)
);
CREATE INDEX follows_account ON follows (account_id);
