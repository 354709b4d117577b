-- One database a sweep. `events` is the truth; `sweep` and `trials` are what readers look at, written
-- in the transaction of the event that changed them. Times are seconds since the epoch.

CREATE TABLE sweep (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    version TEXT NOT NULL,          -- of barrido, when the sweep was created
    format INTEGER NOT NULL,        -- of events and actions, barrido.core.events.VERSION
    recipe TEXT NOT NULL,           -- JSON, barrido.core.recipe
    phase TEXT NOT NULL,
    ends_as TEXT,                   -- while it is ending: its outcome
    reason TEXT NOT NULL DEFAULT '',
    limits TEXT NOT NULL,           -- JSON; as they are now, after updates
    best_trial INTEGER,
    best_value REAL,                -- in the user's scale
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    note TEXT NOT NULL DEFAULT '',
    tags TEXT,                      -- JSON; NULL: those of the recipe
    queued INTEGER NOT NULL DEFAULT 0 -- points that were put in by hand and wait for a worker
) STRICT;

CREATE TABLE trials (
    number INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL,
    phase TEXT NOT NULL,
    params TEXT NOT NULL,           -- JSON
    reason TEXT NOT NULL,
    reports INTEGER NOT NULL,       -- of the primary metric, in this attempt
    best_value REAL,                -- of the primary metric, in the user's scale
    last_value REAL,
    last_step INTEGER NOT NULL,
    queued_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    exit_code INTEGER,
    warm INTEGER NOT NULL DEFAULT 0, -- 1: this attempt came from an interpreter that had imported already
    expected TEXT,                  -- JSON: what the sampler's model expected, in the user's scale
    until INTEGER,                  -- the resource at which the scheduler is asked about it
    rungs TEXT,                     -- JSON: by resource, the value it was compared by; null is the worst
    origin TEXT NOT NULL DEFAULT '', -- who put it in by hand; '': the sampler chose it
    note TEXT NOT NULL DEFAULT '',
    tags TEXT,                      -- JSON; NULL: none
    failure TEXT                    -- how it failed, or its latest attempt: barrido.core.events.Failure
) STRICT;

CREATE TABLE prior (                -- what the sampler knows from the start, copied from earlier sweeps
    number INTEGER PRIMARY KEY,     -- negative: none of this sweep's trials
    params TEXT NOT NULL,           -- JSON
    value REAL,                     -- the best of the primary metric, in the user's scale
    resource INTEGER NOT NULL,
    outcome TEXT NOT NULL           -- completed, stopped or failed
) STRICT;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    body TEXT NOT NULL,             -- JSON, barrido.core.events
    actions TEXT NOT NULL           -- JSON list: what was decided
) STRICT;

CREATE TABLE metrics (
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    seq INTEGER NOT NULL,           -- in the order the controller read them, from 0
    door TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL,                     -- NULL is NaN: SQLite knows the infinities, but not NaN
    step INTEGER,
    at REAL NOT NULL,
    counts INTEGER NOT NULL,        -- 1: a report of the primary metric that was decided on
    PRIMARY KEY (trial, attempt, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE feeds (
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    door TEXT NOT NULL,
    offset INTEGER NOT NULL,        -- bytes of that door's journal that are taken in
    owns INTEGER NOT NULL,          -- 1: the primary metric is read from this door
    PRIMARY KEY (trial, attempt, door)
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    trial INTEGER,
    text TEXT NOT NULL
) STRICT;
