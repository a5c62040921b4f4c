DROP TABLE idempotency_keys;
DROP TABLE meta;
DROP TABLE changes;
