DROP TABLE chat.feedback;
DELETE FROM chat.messages WHERE state <> 'completed';
DROP INDEX chat.messages_leases;
DROP INDEX chat.messages_one_answer_at_a_time;
ALTER TABLE chat.messages
    DROP CONSTRAINT what_is_not_written_any_more_is_finished,
    DROP CONSTRAINT failures_have_a_reason,
    DROP CONSTRAINT written_answers_have_a_lease,
    DROP CONSTRAINT answers_have_no_options,
    DROP CONSTRAINT questions_are_complete,
    DROP CONSTRAINT answers_name_their_provider,
    DROP CONSTRAINT messages_have_their_text,
    ADD CONSTRAINT answers_name_their_provider CHECK ((role = 'assistant') = (provider IS NOT NULL)),
    ADD CONSTRAINT messages_content_check CHECK (char_length(content) BETWEEN 1 AND 20000),
    ALTER COLUMN created_at DROP DEFAULT,
    DROP COLUMN finished_at,
    DROP COLUMN lease_until,
    DROP COLUMN attempt,
    DROP COLUMN cost_won,
    DROP COLUMN error_detail,
    DROP COLUMN error_code,
    DROP COLUMN suggestions,
    DROP COLUMN sources,
    DROP COLUMN tools,
    DROP COLUMN degraded,
    DROP COLUMN model,
    DROP COLUMN options,
    DROP COLUMN question_id,
    DROP COLUMN state;
CREATE INDEX conversations_owner ON chat.conversations (owner, id DESC) WHERE owner IS NOT NULL;
DROP INDEX chat.conversations_latest;
ALTER TABLE chat.conversations
    ALTER COLUMN created_at DROP DEFAULT,
    DROP COLUMN updated_at,
    DROP COLUMN title;
