-- Jobs that outlive their process: made but not delivered, broken off, told or not.
--
-- The table is made anew because SQLite cannot change a CHECK: there is one more status.

CREATE TABLE jobs_new (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('imagine', 'remix', 'ladder')),
    -- Who asked, and where the answer goes. Discord's own ids are NULL outside of Discord.
    user_id INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    guild_id INTEGER,
    channel_id INTEGER,
    message_id INTEGER,
    -- Good for 15 minutes, also after a restart; the only way to answer in private.
    interaction_token TEXT,
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    -- The picture that a remix starts from: all NULL for /imagine.
    source_sha256 TEXT,
    source_width INTEGER,
    source_height INTEGER,
    source_prompt TEXT,
    -- What the source's model was given instead of `source_prompt`; NULL for the same.
    source_model_prompt TEXT,
    source_parent_id TEXT,
    source_jump_url TEXT,
    -- A JSON array with one recipe per picture, as planned: a restart runs what was promised.
    recipes TEXT NOT NULL CHECK (json_valid(recipes)),
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'delivering', 'done', 'failed', 'cancelled')),
    created_at REAL NOT NULL,
    started_at REAL,
    -- When its pictures were made and kept, or it was given up.
    finished_at REAL,
    -- The sentence that the user reads.
    error TEXT,
    -- Its owner's share of the device, relative to other people's: what the server's boosts were.
    weight REAL NOT NULL DEFAULT 1 CHECK (weight > 0),
    -- How often the process ended while it ran. What does so again and again is not tried for ever.
    crashes INTEGER NOT NULL DEFAULT 0,
    -- 1: its owner has been shown how it ended, so no start comes back to it.
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    CHECK ((source_sha256 IS NULL) = (source_width IS NULL)),
    CHECK ((source_sha256 IS NULL) = (source_height IS NULL)),
    CHECK (told = 0 OR status IN ('done', 'failed', 'cancelled')),
    CHECK (status <> 'done' OR told = 1)
) STRICT;

INSERT INTO jobs_new (
    id, kind, user_id, user_name, guild_id, channel_id, message_id, interaction_token, private,
    source_sha256, source_width, source_height, source_prompt, source_model_prompt, source_parent_id,
    source_jump_url, recipes, status, created_at, started_at, finished_at, error, told
) SELECT
    id, kind, user_id, user_name, guild_id, channel_id, message_id, interaction_token, private,
    source_sha256, source_width, source_height, source_prompt, source_model_prompt, source_parent_id,
    source_jump_url, recipes, status, created_at, started_at, finished_at, error,
    status IN ('done', 'failed', 'cancelled')
FROM jobs ORDER BY rowid;

-- Dropped, not renamed: a renaming would take the foreign key of `generations` along.
DROP TABLE jobs;

ALTER TABLE jobs_new RENAME TO jobs;

-- Partial: nearly all jobs are over, so this stays as short as the queue. It is read as a whole, to take
-- up work after a restart, and to see whether a file that may be removed is still waited for.
CREATE INDEX jobs_open ON jobs (created_at) WHERE told = 0;

-- Interactions that were answered with "thinking" and with nothing else yet. What a process leaves
-- here when it dies, the next one answers: nobody is left looking at "thinking".
CREATE TABLE acknowledged (
    token TEXT NOT NULL PRIMARY KEY,
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    created_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
