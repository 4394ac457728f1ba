-- Answers whose lease is over: begun again by who asks, or failed where the last attempt has been made.
WITH over AS (
    SELECT id
    FROM chat.messages
    WHERE state = 'writing' AND lease_until < now()
    ORDER BY lease_until
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE chat.messages
SET state        = CASE WHEN attempt < %(max_attempts)s THEN 'writing' ELSE 'failed' END,
    attempt      = CASE WHEN attempt < %(max_attempts)s THEN attempt + 1 ELSE attempt END,
    lease_until  = CASE WHEN attempt < %(max_attempts)s THEN now() + %(lease_s)s * interval '1 second' END,
    finished_at  = CASE WHEN attempt >= %(max_attempts)s THEN now() END,
    error_code   = CASE WHEN attempt >= %(max_attempts)s THEN 'answer_interrupted' END,
    error_detail = CASE WHEN attempt >= %(max_attempts)s
                        THEN 'Writing the answer was interrupted again and again. Ask once more.' END
FROM over
WHERE messages.id = over.id
RETURNING messages.id, messages.attempt, messages.state
