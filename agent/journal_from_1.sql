-- What version 2 of the journal added: messages that wait for their files.
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
