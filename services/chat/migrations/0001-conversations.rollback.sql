DROP TABLE chat.messages;
DROP TABLE chat.conversations;
