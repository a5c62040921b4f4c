-- Concepts that an operator has imported from a classification. They are invalidated, never deleted.
CREATE TABLE concepts (
    id TEXT NOT NULL PRIMARY KEY,
    scheme TEXT NOT NULL,
    content TEXT NOT NULL,
    version INTEGER NOT NULL,
    invalidated_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
