DROP TABLE introduction_feedback;
DROP TABLE introductions;
