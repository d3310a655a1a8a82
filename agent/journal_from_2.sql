-- What version 3 of the journal added: chats that the shop began, of the last day.
CREATE TABLE begun (
    account  TEXT NOT NULL,
    chat     TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (account, chat)
) STRICT, WITHOUT ROWID;
