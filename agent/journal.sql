-- The agent's journal, version 3 (what a journal of an older version lacks is in `journal_from_*.sql`).
-- Times are integer milliseconds UTC, ids are UUIDs as text, booleans are 0 or 1. What PROTOCOL asks for: two durable logs and the positions in them.

-- Who this agent is, once it is paired. One row or none.
CREATE TABLE identity (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    hub_url           TEXT NOT NULL,
    socket_url        TEXT NOT NULL,
    agent_id          TEXT NOT NULL,
    tenant_id         TEXT NOT NULL,
    token             TEXT NOT NULL,
    token_since_ms    INTEGER NOT NULL,
    token_expires_ms  INTEGER,
    paired_ms         INTEGER NOT NULL  -- nothing older is reported
) STRICT;

-- Single facts. One row.
CREATE TABLE facts (
    one              INTEGER PRIMARY KEY CHECK (one = 1),
    generation       INTEGER NOT NULL DEFAULT 0, -- raised when the logs start anew
    conn_no          INTEGER NOT NULL DEFAULT 0,
    up_epoch         TEXT NOT NULL,
    up_head          INTEGER NOT NULL DEFAULT 0,
    up_acked         INTEGER NOT NULL DEFAULT 0,
    down_epoch       TEXT,
    down_seq         INTEGER NOT NULL DEFAULT 0,
    down_last_id     TEXT,
    watermark_ms     INTEGER,                    -- before it nothing is left to be searched for
    last_inbound_ms  INTEGER,                    -- newest message of a customer
    paused           INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO facts (one, up_epoch) VALUES (1, lower(hex(randomblob(16))));

-- The up log: what this agent tells the hub. Rows stay 7 days after they were acknowledged.
CREATE TABLE outbox (
    seq       INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    ts_ms     INTEGER NOT NULL,
    type      TEXT NOT NULL,
    data      TEXT NOT NULL,
    acked_ms  INTEGER
) STRICT;
CREATE INDEX outbox_acked ON outbox (acked_ms) WHERE acked_ms IS NOT NULL;

-- Natural keys of the messages that were reported; a sweep finds them again and again.
CREATE TABLE seen (
    account      TEXT NOT NULL,
    chat         TEXT NOT NULL,
    participant  TEXT NOT NULL,
    wa_id        TEXT NOT NULL,
    from_me      INTEGER NOT NULL,
    sent_ms      INTEGER NOT NULL,
    event_id     TEXT NOT NULL,
    told_ms      INTEGER,          -- when the hub took it, by the hub's clock; of the owner's only
    PRIMARY KEY (account, chat, participant, wa_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_untold ON seen (event_id) WHERE from_me AND told_ms IS NULL;
CREATE INDEX seen_owner ON seen (account, chat, sent_ms) WHERE from_me;
CREATE INDEX seen_sent ON seen (sent_ms);

-- Messages that wait for their files, and those that came behind one in its chat. A row becomes an
-- event, and leaves, as soon as it is the first of its chat and wants no file.
CREATE TABLE arrivals (
    arrival   INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id  TEXT NOT NULL UNIQUE,
    account   TEXT NOT NULL,
    chat      TEXT NOT NULL,
    data      TEXT NOT NULL,       -- of the message.received that it will be
    wants     INTEGER NOT NULL,    -- its own file has to be brought
    sha256    TEXT                 -- of the file, once it is on this PC
) STRICT;
CREATE INDEX arrivals_chat ON arrivals (account, chat, arrival);

-- The down log as it was received: orders of the hub, in the order of their arrival.
-- `data` is emptied 7 days after the end; ids stay longer, so that a repeated order is recognised.
CREATE TABLE inbox (
    arrival      INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    type         TEXT NOT NULL,
    ts_ms        INTEGER NOT NULL,
    wa_key       TEXT UNIQUE,       -- of a message.send: its WhatsApp key
    data         TEXT NOT NULL,     -- of a quarantined one: the whole frame
    state        TEXT NOT NULL DEFAULT 'queued',
    attempts     INTEGER NOT NULL DEFAULT 0,
    accepted_ms  INTEGER NOT NULL,
    changed_ms   INTEGER NOT NULL,
    ended_ms     INTEGER,
    result       TEXT               -- data of the last message.status or command.result
) STRICT;
CREATE INDEX inbox_open ON inbox (arrival) WHERE ended_ms IS NULL;
CREATE INDEX inbox_ended ON inbox (ended_ms) WHERE ended_ms IS NOT NULL;

-- Chats in which the shop wrote before the customer did, of the last day: each counts towards a limit.
CREATE TABLE begun (
    account  TEXT NOT NULL,
    chat     TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (account, chat)
) STRICT, WITHOUT ROWID;
