DROP TABLE offerings;
DROP TABLE needs;
