-- What the workers' journals bring here: one row a finished task, its latest state.
CREATE TABLE task_results (
    task_id     text PRIMARY KEY,
    task_type   text NOT NULL,
    worker      text NOT NULL,
    state       text NOT NULL CHECK (state IN ('completed', 'failed')),
    attempt     integer NOT NULL CHECK (attempt >= 0),
    version     bigint NOT NULL CHECK (version > 0),
    result      jsonb,
    error_class text,
    error       text,
    created_at  timestamptz NOT NULL,
    started_at  timestamptz,
    finished_at timestamptz NOT NULL,
    synced_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX task_results_by_finish ON task_results (finished_at);
CREATE INDEX task_results_failed ON task_results (task_type, finished_at) WHERE state = 'failed';
