-- Answers that are written in the background, what people say of them, and conversations with titles.

ALTER TABLE chat.conversations
    ADD COLUMN title      text CHECK (char_length(title) BETWEEN 1 AND 100),
    ADD COLUMN updated_at timestamptz;
UPDATE chat.conversations SET updated_at = created_at;
ALTER TABLE chat.conversations
    ALTER COLUMN updated_at SET NOT NULL,
    ALTER COLUMN updated_at SET DEFAULT now(),
    ALTER COLUMN created_at SET DEFAULT now();
COMMENT ON COLUMN chat.conversations.updated_at IS 'when something was last said in it, or it was renamed';
CREATE INDEX conversations_latest ON chat.conversations (owner, updated_at DESC, id DESC) WHERE owner IS NOT NULL;
DROP INDEX chat.conversations_owner;

ALTER TABLE chat.messages
    ADD COLUMN state        text NOT NULL DEFAULT 'completed' CHECK (state IN ('writing', 'completed', 'failed')),
    ADD COLUMN question_id  uuid UNIQUE REFERENCES chat.messages ON DELETE CASCADE,
    ADD COLUMN options      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    ADD COLUMN model        text,
    ADD COLUMN degraded     text,
    ADD COLUMN tools        jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tools) = 'array'),
    ADD COLUMN sources      jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(sources) = 'array'),
    ADD COLUMN suggestions  jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(suggestions) = 'array'),
    ADD COLUMN error_code   text,
    ADD COLUMN error_detail text,
    ADD COLUMN cost_won     numeric(12, 4) NOT NULL DEFAULT 0 CHECK (cost_won >= 0),
    ADD COLUMN attempt      smallint NOT NULL DEFAULT 0 CHECK (attempt BETWEEN 0 AND 100),
    ADD COLUMN lease_until  timestamptz,
    ADD COLUMN finished_at  timestamptz,
    ALTER COLUMN created_at SET DEFAULT now();
UPDATE chat.messages SET finished_at = created_at;

ALTER TABLE chat.messages
    DROP CONSTRAINT messages_content_check,
    DROP CONSTRAINT answers_name_their_provider,
    ADD CONSTRAINT messages_have_their_text
        CHECK (char_length(content) <= 20000 AND (content <> '') = (state = 'completed')),
    ADD CONSTRAINT answers_name_their_provider
        CHECK ((role = 'assistant' AND state = 'completed') = (provider IS NOT NULL)),
    ADD CONSTRAINT questions_are_complete
        CHECK (role = 'assistant' OR (state = 'completed' AND question_id IS NULL AND attempt = 0)),
    ADD CONSTRAINT answers_have_no_options CHECK (role = 'user' OR options = '{}'),
    ADD CONSTRAINT written_answers_have_a_lease
        CHECK ((state = 'writing') = (lease_until IS NOT NULL)
            AND (state <> 'writing' OR (question_id IS NOT NULL AND attempt > 0))),
    ADD CONSTRAINT failures_have_a_reason
        CHECK ((state = 'failed') = (error_code IS NOT NULL) AND (error_code IS NULL) = (error_detail IS NULL)),
    ADD CONSTRAINT what_is_not_written_any_more_is_finished CHECK ((state = 'writing') = (finished_at IS NULL));

COMMENT ON COLUMN chat.messages.options IS 'of a question: lang, region, scan_id; lat and lon until it is answered';
COMMENT ON COLUMN chat.messages.attempt IS 'how many times the answer was begun; whoever has the last number may write';
COMMENT ON COLUMN chat.messages.lease_until IS 'when others may take the answer over';

CREATE UNIQUE INDEX messages_one_answer_at_a_time ON chat.messages (conversation_id) WHERE state = 'writing';
CREATE INDEX messages_leases ON chat.messages (lease_until) WHERE state = 'writing';

CREATE TABLE chat.feedback (
    message_id uuid NOT NULL REFERENCES chat.messages ON DELETE CASCADE,
    viewer     uuid NOT NULL,
    verdict    text NOT NULL CHECK (verdict IN ('right', 'wrong', 'helpful')),
    comment    text CHECK (char_length(comment) BETWEEN 1 AND 500),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now() CHECK (updated_at >= created_at),
    PRIMARY KEY (message_id, viewer)
);
COMMENT ON COLUMN chat.feedback.viewer IS 'all zeros: whoever knows the id of a conversation without an owner';
