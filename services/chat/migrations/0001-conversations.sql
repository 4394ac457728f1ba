-- Conversations and what was said in them.

CREATE TABLE chat.conversations (
    id         uuid PRIMARY KEY,
    owner      uuid,
    created_at timestamptz NOT NULL
);

COMMENT ON COLUMN chat.conversations.owner IS 'a user of auth; null: whoever knows the id';

CREATE INDEX conversations_owner ON chat.conversations (owner, id DESC) WHERE owner IS NOT NULL;

CREATE TABLE chat.messages (
    id              uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES chat.conversations ON DELETE CASCADE,
    ordinal         bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    role            text NOT NULL CHECK (role IN ('user', 'assistant')),
    content         text NOT NULL CHECK (char_length(content) BETWEEN 1 AND 20000),
    provider        text,
    items           jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(items) = 'array'),
    created_at      timestamptz NOT NULL,
    CONSTRAINT answers_name_their_provider CHECK ((role = 'assistant') = (provider IS NOT NULL)),
    CONSTRAINT questions_name_no_items CHECK (role = 'assistant' OR items = '[]'),
    UNIQUE (conversation_id, ordinal)
);
