-- Facts: what was seen. Bytes here never change and no upgrade drops them.

CREATE TABLE machine (
    id TEXT PRIMARY KEY,            -- made once per machine, kept in its ~/.zerg
    label TEXT NOT NULL,            -- host name, for people
    files INTEGER NOT NULL,         -- at its last scan: how many sources it has
    bytes INTEGER NOT NULL,         -- … and how large they are together
    cleanup_days INTEGER,           -- after how many days its Claude Code deletes transcripts; NULL: not known
    scanned_at INTEGER NOT NULL     -- ms UTC: when it last reported anything new
) STRICT;

-- One file of one machine. Where its bytes were rewritten instead of appended to, the file has several generations.
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    machine TEXT NOT NULL,
    provider TEXT NOT NULL,
    path TEXT NOT NULL,             -- as its machine spells it
    generation INTEGER NOT NULL,    -- 1, 2, …
    current INTEGER NOT NULL,       -- 1: the generation that the file holds now
    offset INTEGER NOT NULL,        -- bytes stored
    size INTEGER NOT NULL,          -- of the file at the last push
    mtime INTEGER NOT NULL,         -- ms UTC, of the file at the last push
    tail INTEGER NOT NULL,          -- where the small chunks begin that are to be merged
    head_hash BLOB NOT NULL,        -- SHA-256 of the first 4 KiB
    tail_hash BLOB NOT NULL,        -- SHA-256 of the last 4 KiB before offset
    digest BLOB NOT NULL,           -- SHA-256 of the bytes before digested
    digested INTEGER NOT NULL,
    missing INTEGER NOT NULL,       -- 1: gone from its machine
    arrived_at INTEGER NOT NULL,    -- ms UTC: first push
    pushed_at INTEGER NOT NULL,     -- ms UTC: last push
    UNIQUE (machine, provider, path, generation)
) STRICT;

-- A slice of a source: zlib, up to 256 KiB uncompressed. Chunks tile [0, source.offset) without gap or overlap.
CREATE TABLE chunk (
    source INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,        -- uncompressed
    data BLOB NOT NULL,
    PRIMARY KEY (source, offset)
) STRICT;
