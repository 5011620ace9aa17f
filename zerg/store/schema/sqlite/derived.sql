-- Derived: everything below is made from the facts and can be dropped; `zerg rebuild` does. It holds no second copy of the text.
-- A change here raises DERIVED in store/__init__.py; the next start then drops all this and derives it anew.

-- How far a source has been read, and by which parser.
CREATE TABLE derivation (
    source INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,       -- of the parser; 0: to be derived again
    offset INTEGER NOT NULL,        -- bytes read: the start of the unterminated last line
    scanned INTEGER NOT NULL,       -- there is no line end between offset and here
    state TEXT NOT NULL             -- of the reader, JSON
) STRICT;

CREATE TABLE session (
    id INTEGER PRIMARY KEY,         -- internal
    uuid TEXT NOT NULL UNIQUE,      -- public
    provider TEXT NOT NULL,
    parent TEXT NOT NULL,           -- uuid of the session that started this one; '' for most
    agent TEXT NOT NULL,            -- the subagent's own id; ''
    top INTEGER NOT NULL,           -- 1: stands in lists by itself: has no parent, or one that is not here
    machine TEXT NOT NULL,          -- where it was seen first
    folder TEXT NOT NULL,           -- of its source: titles by leaf are looked for within one
    at INTEGER NOT NULL,            -- ms UTC: start, or the file's mtime where no record has a time; lists are ordered by it
    mtime INTEGER NOT NULL,         -- ms UTC: newest of its sources
    started_at INTEGER,             -- ms UTC
    ended_at INTEGER,
    project TEXT NOT NULL,          -- last part of cwd
    cwd TEXT NOT NULL,
    branch TEXT NOT NULL,
    version TEXT NOT NULL,          -- of the agent program
    entrypoint TEXT NOT NULL,
    agent_type TEXT NOT NULL,
    pr TEXT NOT NULL,
    title TEXT NOT NULL,
    title_summary TEXT NOT NULL,    -- by leaf: given to it by another session's file
    prompts INTEGER NOT NULL,
    answers INTEGER NOT NULL,
    tool_calls INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    events INTEGER NOT NULL,
    broken INTEGER NOT NULL,        -- records
    unknown INTEGER NOT NULL,       -- records
    models TEXT NOT NULL,           -- JSON array
    strip TEXT NOT NULL,            -- a letter per step: see summary.py
    noise TEXT NOT NULL,            -- '' or why lists fold it: warmup, empty, automated
    raw TEXT NOT NULL,              -- JSON: tokens summed over all records, before messages are counted once
    input INTEGER NOT NULL DEFAULT 0,           -- tokens, each message of the archive counted in one session only
    output INTEGER NOT NULL DEFAULT 0,
    cache_read INTEGER NOT NULL DEFAULT 0,
    cache_write_5m INTEGER NOT NULL DEFAULT 0,
    cache_write_1h INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0,        -- counted here
    duplicates INTEGER NOT NULL DEFAULT 0,      -- messages counted in another session
    lower_bound INTEGER NOT NULL DEFAULT 0,     -- messages whose output is a placeholder
    unpriced INTEGER NOT NULL DEFAULT 0,        -- messages of models without a price
    cost INTEGER NOT NULL DEFAULT 0             -- micro-dollars, of the priced messages
) STRICT;
CREATE INDEX session_top ON session (top, at, id);
CREATE INDEX session_parent ON session (parent);
CREATE INDEX session_folder ON session (folder);

-- What one source says of one session. Most sources have one part; a copy, a fork or an inline subagent makes more.
CREATE TABLE part (
    source INTEGER NOT NULL,
    session INTEGER NOT NULL,
    own INTEGER NOT NULL,           -- 1: the records were written for this session, 0: all are copied from elsewhere
    summary TEXT NOT NULL,          -- JSON: see summary.py
    PRIMARY KEY (source, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_session ON part (session);

CREATE TABLE event (
    id INTEGER PRIMARY KEY,         -- ordered by time: seconds since 2020 << 12 | counter; also the rowid in the index
    session INTEGER NOT NULL,
    source INTEGER NOT NULL,        -- source, offset, slot: the public id, and where its text is
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,        -- bytes of the record
    slot INTEGER NOT NULL,
    kind TEXT NOT NULL,
    tool TEXT NOT NULL,             -- of a call and its result; ''
    call INTEGER,                   -- hash of the call id
    record INTEGER NOT NULL,        -- hash of the record's uuid, or of its bytes: equal in copies
    error INTEGER NOT NULL,
    image INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_place ON event (session, source, offset, slot);   -- file order
CREATE INDEX event_record ON event (session, record);
CREATE INDEX event_call ON event (session, call) WHERE call IS NOT NULL;

-- Tokens of a message, once per session that holds it. The session that counts it is the first by (copied, id).
CREATE TABLE usage (
    message INTEGER NOT NULL,       -- hash of the message id
    session INTEGER NOT NULL,
    copied INTEGER NOT NULL,        -- 1: written for another session first
    counted INTEGER NOT NULL,       -- 1: counted here
    model TEXT NOT NULL,
    at INTEGER NOT NULL,            -- ms UTC
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    lower_bound INTEGER NOT NULL,
    cost INTEGER,                   -- micro-dollars; NULL: the model has no price
    PRIMARY KEY (message, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_session ON usage (session);

-- A title that a file gives to whichever session holds the record `leaf`.
CREATE TABLE leaf (
    record INTEGER NOT NULL,        -- hash of that record's uuid
    source INTEGER NOT NULL,        -- where the title stands
    offset INTEGER NOT NULL,
    title TEXT NOT NULL,
    session INTEGER NOT NULL,       -- whose title it is; 0: that record has not been seen
    PRIMARY KEY (record, source, offset)
) STRICT, WITHOUT ROWID;
CREATE INDEX leaf_session ON leaf (session);

-- The index proposes, the archive disposes (zerg/search). Contentless: no second copy of the text. Nothing is ever deleted
-- from it, because a 'delete' needs the exact old text and a wrong one rots it silently: a candidate without a row is dropped.
CREATE VIRTUAL TABLE event_index USING fts5 (
    text,                           -- zerg/fold.py index_text
    scope,                          -- s<session> k<kind> t<tool> e(rror) i(mage)
    content = '', tokenize = "ascii" -- splits at ASCII punctuation; all else about tokens is decided in zerg/fold.py
);
