-- Jobs on their way, the pictures they became, and small named values.
--
-- STRICT, because a column that quietly takes any type hides a bug until somebody reads it.
-- Times are seconds since the epoch (UTC). Discord's ids are unsigned 64-bit on paper, but stay below
-- 2^63 until the year 2084, so they fit SQLite's signed INTEGER.

CREATE TABLE jobs (
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
    source_parent_id TEXT,
    source_jump_url TEXT,
    -- A JSON array with one recipe per picture, as planned: a restart runs what was promised.
    recipes TEXT NOT NULL CHECK (json_valid(recipes)),
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    -- The sentence that the user read.
    error TEXT,
    CHECK ((source_sha256 IS NULL) = (source_width IS NULL)),
    CHECK ((source_sha256 IS NULL) = (source_height IS NULL))
) STRICT;

-- Partial: nearly all jobs are over, so this stays as short as the queue. It is read as a whole, to take
-- up work after a restart, and to see whether a file that may be removed is still waited for.
CREATE INDEX jobs_unfinished ON jobs (created_at) WHERE status IN ('queued', 'running');

CREATE TABLE generations (
    id TEXT NOT NULL PRIMARY KEY,
    -- No cascade: rows that vanish with their job would leave files that nobody removes.
    job_id TEXT NOT NULL REFERENCES jobs (id),
    -- Its place on the job's card, from 0.
    idx INTEGER NOT NULL,
    -- Facts of the job, written again here because an index reaches into one table only.
    kind TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    guild_id INTEGER,
    channel_id INTEGER,
    message_id INTEGER,
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    -- No foreign key: a child outlives its parent, and still says whose child it was.
    parent_id TEXT,
    image_sha256 TEXT NOT NULL,
    steps_run INTEGER NOT NULL,
    seconds REAL NOT NULL,
    -- A JSON object: package name -> version, plus device and dtype.
    versions TEXT NOT NULL CHECK (json_valid(versions)),
    -- The end of the prompt that the model's tokenizer dropped.
    prompt_cut TEXT NOT NULL,
    -- The size that was asked for, when memory allowed only a smaller picture.
    shrunk_from_width INTEGER,
    shrunk_from_height INTEGER,
    -- 1: a ladder's tile that nobody has picked yet.
    hidden INTEGER NOT NULL CHECK (hidden IN (0, 1)),
    created_at REAL NOT NULL,
    -- Everything needed to make the picture again, as it was run: the only place where it is written.
    recipe TEXT NOT NULL CHECK (json_valid(recipe)),
    -- The recipe as plain columns, to query. They take no space and cannot disagree with it.
    model TEXT GENERATED ALWAYS AS (json_extract(recipe, '$.model')) VIRTUAL,
    revision TEXT GENERATED ALWAYS AS (json_extract(recipe, '$.revision')) VIRTUAL,
    prompt TEXT GENERATED ALWAYS AS (json_extract(recipe, '$.prompt')) VIRTUAL,
    negative_prompt TEXT GENERATED ALWAYS AS (json_extract(recipe, '$.negative_prompt')) VIRTUAL,
    width INTEGER GENERATED ALWAYS AS (json_extract(recipe, '$.width')) VIRTUAL,
    height INTEGER GENERATED ALWAYS AS (json_extract(recipe, '$.height')) VIRTUAL,
    num_inference_steps INTEGER GENERATED ALWAYS AS (json_extract(recipe, '$.num_inference_steps')) VIRTUAL,
    guidance_scale REAL GENERATED ALWAYS AS (json_extract(recipe, '$.guidance_scale')) VIRTUAL,
    seed INTEGER GENERATED ALWAYS AS (json_extract(recipe, '$.seed')) VIRTUAL,
    scheduler TEXT GENERATED ALWAYS AS (json_extract(recipe, '$.scheduler')) VIRTUAL,
    strength REAL GENERATED ALWAYS AS (json_extract(recipe, '$.strength')) VIRTUAL,
    source_sha256 TEXT GENERATED ALWAYS AS (json_extract(recipe, '$.source_sha256')) VIRTUAL,
    CHECK ((shrunk_from_width IS NULL) = (shrunk_from_height IS NULL))
) STRICT;

-- A job's pictures in their order; also what the foreign key looks up when a job is deleted.
CREATE UNIQUE INDEX generations_of_job ON generations (job_id, idx);
-- A page of one user's history, newest first, and its cursor. Hidden tiles are in neither.
CREATE INDEX generations_of_user ON generations (user_id, created_at, id) WHERE hidden = 0;
-- The user's own latest picture in a channel: where a bare /remix starts.
CREATE INDEX generations_of_user_in_channel ON generations (user_id, channel_id, created_at, id)
    WHERE hidden = 0;
-- The pictures on a card, from the message that somebody replied to.
CREATE INDEX generations_of_message ON generations (message_id, idx) WHERE message_id IS NOT NULL;
-- Whether a file is still in use, asked before it is removed.
CREATE INDEX generations_by_image ON generations (image_sha256);
CREATE INDEX generations_by_source ON generations (source_sha256) WHERE source_sha256 IS NOT NULL;

-- Small named values that outlive the process. Keyed by text and tiny, so the key is the row's place.
CREATE TABLE preferences (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
