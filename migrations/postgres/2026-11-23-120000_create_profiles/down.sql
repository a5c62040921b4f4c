DROP TABLE follows;
DROP TABLE memberships;
DROP TABLE profiles;
