-- name: identity
-- Who is this agent?
SELECT * FROM identity;

-- name: identity_save
-- Become this agent, keeping the first pairing's time when it is still the same shop.
INSERT OR REPLACE INTO identity
    (one, hub_url, socket_url, agent_id, tenant_id, token, token_since_ms, token_expires_ms, paired_ms)
VALUES
    (1, :hub_url, :socket_url, :agent_id, :tenant_id, :token, :now_ms, :expires_ms, :paired_ms);

-- name: identity_token
-- Take a rotated token, unless the agent was paired anew meanwhile.
UPDATE identity SET token = :token, token_since_ms = :now_ms, token_expires_ms = :expires_ms
WHERE agent_id = :agent_id;

-- name: identity_expires
-- Note when the token in use ends; by the hub's clock it cannot have begun in the future.
UPDATE identity SET token_expires_ms = coalesce(token_expires_ms, :expires_ms),
                    token_since_ms = min(token_since_ms, :now_ms)
WHERE token_expires_ms IS NULL OR token_since_ms > :now_ms;

-- name: facts
-- Every single fact.
SELECT * FROM facts;

-- name: facts_next_conn_no
-- Which number does the next connection have?
UPDATE facts SET conn_no = conn_no + 1 RETURNING conn_no;

-- name: facts_paused
-- Pause or resume sending.
UPDATE facts SET paused = :paused;

-- name: facts_inbound
-- Note when a customer wrote last.
UPDATE facts SET last_inbound_ms = max(coalesce(last_inbound_ms, :sent_ms), :sent_ms);

-- name: facts_searched
-- All chats were searched: raise the watermark to the newest message that was recorded.
UPDATE facts SET watermark_ms = coalesce((SELECT max(sent_ms) FROM seen), watermark_ms);

-- name: facts_down_begin
-- Hold nothing of a new epoch of the hub's log.
UPDATE facts SET down_epoch = :epoch, down_seq = 0, down_last_id = NULL
WHERE down_epoch IS NOT :epoch;

-- name: facts_down_advance
-- Hold the next event of the hub's log; changes no row when it is not the next.
UPDATE facts SET down_seq = :seq, down_last_id = :id WHERE down_seq = :seq - 1;

-- name: facts_forget
-- Forget what belonged to another shop.
UPDATE facts SET watermark_ms = NULL, last_inbound_ms = NULL, paused = 0;

-- name: facts_up_next
-- Which seq does the next event have?
UPDATE facts SET up_head = up_head + 1 RETURNING up_head;

-- name: facts_up_acked
-- The hub has everything up to here.
UPDATE facts SET up_acked = :seq;

-- name: facts_up_begin
-- Start a new epoch over all the rows that are kept.
UPDATE facts SET up_epoch = :epoch, up_acked = 0, generation = generation + 1,
                 up_head = (SELECT count(*) FROM outbox);

-- name: outbox_insert
-- Append an event.
INSERT INTO outbox (seq, id, ts_ms, type, data) VALUES (:seq, :id, :now_ms, :type, :data);

-- name: outbox_after
-- Which events follow this one?
SELECT seq, id, ts_ms, type, data FROM outbox WHERE seq > :seq ORDER BY seq LIMIT :limit;

-- name: outbox_id
-- Which event stands here?
SELECT id FROM outbox WHERE seq = :seq;

-- name: outbox_oldest
-- Which seq is the lowest one kept?
SELECT min(seq) AS seq FROM outbox;

-- name: outbox_acked
-- Events that the hub has taken just now.
UPDATE outbox SET acked_ms = :now_ms WHERE seq <= :seq AND acked_ms IS NULL;

-- name: outbox_unacked
-- Events that a hub restored from a backup has lost.
UPDATE outbox SET acked_ms = NULL WHERE seq > :seq AND acked_ms IS NOT NULL;

-- name: outbox_renumber
-- Number all events from 1, first below zero so that no two collide.
UPDATE outbox SET seq = -numbered.n, acked_ms = NULL
FROM (SELECT id, row_number() OVER (ORDER BY seq) AS n FROM outbox) AS numbered
WHERE numbered.id = outbox.id;

-- name: outbox_positive
-- The second half of the renumbering.
UPDATE outbox SET seq = -seq;

-- name: outbox_clear
-- Forget the events of another shop.
DELETE FROM outbox;

-- name: outbox_prune
-- Drop what was acknowledged long ago; the newest acknowledged row proves our position and stays.
DELETE FROM outbox WHERE acked_ms < :before_ms AND seq < (SELECT up_acked FROM facts);

-- name: seen_insert
-- Note a message's natural key; changes no row when it is known.
INSERT OR IGNORE INTO seen (account, chat, participant, wa_id, from_me, sent_ms, event_id)
VALUES (:account, :chat, :participant, :wa_id, :from_me, :sent_ms, :event_id);

-- name: seen_one_to_one
-- Is this message of a one-to-one chat known?
SELECT 1 FROM seen
WHERE account = :account AND chat = :chat AND participant = '' AND wa_id = :wa_id;

-- name: seen_one
-- Is this key known?
SELECT 1 FROM seen WHERE account = :account AND chat = :chat AND participant = :who AND wa_id = :wa_id;

-- name: seen_revoke
-- Is it known that this message was revoked? `beyond` is the first text that does not begin so.
SELECT 1 FROM seen
WHERE account = :account AND chat = :chat AND participant = :who
  AND wa_id >= :target AND wa_id < :beyond;

-- name: seen_told
-- The hub has taken these messages of the owner.
UPDATE seen SET told_ms = :hub_ms
WHERE from_me AND told_ms IS NULL
  AND event_id IN (SELECT id FROM outbox WHERE seq <= :seq AND acked_ms IS NULL);

-- name: seen_owner
-- When did the hub last learn that the owner wrote in this chat? Now, if it does not know yet.
SELECT max(max(sent_ms, coalesce(told_ms, :hub_ms))) AS at_ms FROM seen
WHERE account = :account AND chat = :chat AND from_me;

-- name: seen_counts
-- How many messages were written since, by customers and by the owner?
SELECT count(*) FILTER (WHERE NOT from_me) AS received, count(*) FILTER (WHERE from_me) AS from_owner
FROM seen WHERE sent_ms >= :since_ms;

-- name: seen_clear
-- Forget the messages of another shop.
DELETE FROM seen;

-- name: seen_prune
-- Drop natural keys that no sweep can find again.
DELETE FROM seen WHERE sent_ms < :before_ms;

-- name: arrivals_insert
-- Keep a message that waits for its file, or behind one that does.
INSERT INTO arrivals (event_id, account, chat, data, wants)
VALUES (:event_id, :account, :chat, :data, :wants);

-- name: arrivals_of_chat
-- Which message of this chat waits longest?
SELECT * FROM arrivals WHERE account = :account AND chat = :chat ORDER BY arrival LIMIT 1;

-- name: arrivals_heads
-- Which messages wait for files, with nothing of their chat before them?
SELECT * FROM arrivals AS head
WHERE wants AND NOT EXISTS (
    SELECT 1 FROM arrivals AS before
    WHERE before.account = head.account AND before.chat = head.chat AND before.arrival < head.arrival
)
ORDER BY arrival LIMIT :limit;

-- name: arrivals_fetched
-- The file of a message is on this PC.
UPDATE arrivals SET sha256 = :sha256 WHERE event_id = :event_id;

-- name: arrivals_ready
-- A message waits for no file any more.
UPDATE arrivals SET wants = 0, data = :data WHERE event_id = :event_id;

-- name: arrivals_delete
-- A message has become an event.
DELETE FROM arrivals WHERE arrival = :arrival;

-- name: arrivals_count
-- How many messages wait?
SELECT count(*) AS n FROM arrivals;

-- name: arrivals_files
-- Which files on this PC has the hub yet to get?
SELECT DISTINCT sha256 FROM arrivals WHERE sha256 IS NOT NULL;

-- name: arrivals_clear
-- Forget the messages of another shop.
DELETE FROM arrivals;

-- name: inbox_insert
-- Keep an order of the hub.
INSERT INTO inbox
    (id, type, ts_ms, wa_key, data, state, accepted_ms, changed_ms, ended_ms)
VALUES
    (:id, :type, :ts_ms, :wa_key, :data, :state, :now_ms, :now_ms, :ended_ms);

-- name: inbox_by_id
-- What is known of this order?
SELECT * FROM inbox WHERE id = :id;

-- name: inbox_by_key
-- Which order was sent under this WhatsApp key?
SELECT * FROM inbox WHERE wa_key = :wa_key;

-- name: inbox_open
-- Which orders of this type are not at their end, oldest first?
SELECT * FROM inbox WHERE ended_ms IS NULL AND type = :type ORDER BY arrival LIMIT :limit;

-- name: inbox_files
-- Which files are to be sent?
SELECT DISTINCT json_extract(data, '$.media.sha256') AS sha256 FROM inbox
WHERE ended_ms IS NULL AND type = 'message.send' AND json_extract(data, '$.media.sha256') IS NOT NULL;

-- name: inbox_count
-- How many orders are not at their end?
SELECT count(*) AS n FROM inbox WHERE ended_ms IS NULL;

-- name: inbox_counts
-- How did the sends end that ended since?
SELECT
    count(*) FILTER (WHERE state IN ('sent', 'delivered', 'read')) AS answered,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'unknown') AS unknown,
    count(*) FILTER (WHERE state = 'expired') AS expired
FROM inbox WHERE type = 'message.send' AND ended_ms >= :since_ms;

-- name: begun_count
-- How many chats did we begin since? Null where a message to this chat adds none to them.
SELECT CASE
    WHEN EXISTS (SELECT 1 FROM seen WHERE account = :account AND chat = :chat AND NOT from_me) THEN NULL
    WHEN EXISTS (
        SELECT 1 FROM begun WHERE account = :account AND chat = :chat AND at_ms >= :since_ms
    ) THEN NULL
    ELSE (SELECT count(*) FROM begun WHERE account = :account AND at_ms >= :since_ms)
END AS n;

-- name: begun_insert
-- This order is the first word in its chat.
INSERT OR REPLACE INTO begun (account, chat, at_ms)
SELECT json_extract(data, '$.account'), json_extract(data, '$.chat'), :now_ms FROM inbox WHERE id = :id;

-- name: begun_prune
-- Forget what counts no longer.
DELETE FROM begun WHERE at_ms < :since_ms;

-- name: begun_clear
-- Forget the chats of another shop.
DELETE FROM begun;

-- name: inbox_mark
-- An order in work changes its state.
UPDATE inbox SET state = :state, attempts = coalesce(:attempts, attempts), changed_ms = :now_ms
WHERE id = :id AND ended_ms IS NULL;

-- name: inbox_end
-- An order has this result now.
UPDATE inbox SET state = :state, result = :result, changed_ms = :now_ms,
                 ended_ms = coalesce(ended_ms, :now_ms)
WHERE id = :id;

-- name: inbox_clear
-- Forget the orders of another shop.
DELETE FROM inbox;

-- name: inbox_empty
-- Drop the content of orders that ended long ago.
UPDATE inbox SET data = '' WHERE ended_ms < :before_ms AND data != '';

-- name: inbox_prune
-- Drop orders that nobody repeats any more.
DELETE FROM inbox WHERE ended_ms < :before_ms;

-- name: panel_oldest
-- Since when does the oldest event wait for the hub, and the oldest order to be done?
SELECT
    (SELECT ts_ms FROM outbox WHERE seq > (SELECT up_acked FROM facts) ORDER BY seq LIMIT 1) AS event_ms,
    (SELECT accepted_ms FROM inbox WHERE ended_ms IS NULL ORDER BY arrival LIMIT 1) AS order_ms;

-- name: panel_quarantined
-- How many orders came since that this agent could not read?
SELECT count(*) AS n FROM inbox WHERE state = 'quarantined' AND ended_ms >= :since_ms;

-- name: panel_received
-- Which messages of customers and of the owner were told last, without their words?
SELECT ts_ms AS at_ms,
       CASE WHEN json_extract(data, '$.from_me') THEN json_extract(data, '$.chat')
            ELSE coalesce(json_extract(data, '$.sender.phone'), json_extract(data, '$.chat'))
       END AS person,
       json_extract(data, '$.kind') AS kind,
       json_extract(data, '$.media.mime') AS mime,
       coalesce(length(json_extract(data, '$.text')), 0) AS letters,
       coalesce(json_extract(data, '$.from_me'), 0) AS from_me
FROM outbox WHERE type = 'message.received' ORDER BY seq DESC LIMIT :limit;

-- name: panel_sends
-- Which messages were ordered last, and what became of them, without their words?
SELECT coalesce(ended_ms, accepted_ms) AS at_ms,
       json_extract(data, '$.chat') AS person,
       json_extract(data, '$.media.mime') AS mime,
       coalesce(length(json_extract(data, '$.text')), 0) AS letters,
       state
FROM inbox WHERE type = 'message.send' AND state != 'quarantined' AND data != ''
ORDER BY arrival DESC LIMIT :limit;

-- name: audit_arriving
-- Which messages of one-to-one chats has the hub yet to acknowledge, or to be told of?
SELECT chat, wa_id FROM seen
WHERE account = :account AND participant = '' AND event_id IN (
    SELECT id FROM outbox WHERE seq > (SELECT up_acked FROM facts)
    UNION ALL SELECT event_id FROM arrivals
);

-- name: audit_sent
-- When was last sent in each chat since a moment?
SELECT json_extract(data, '$.chat') AS chat, max(ended_ms) AS at_ms FROM inbox
WHERE type = 'message.send' AND state IN ('sent', 'delivered', 'read') AND ended_ms >= :since_ms
  AND data != '' AND json_extract(data, '$.account') = :account
GROUP BY 1;

-- name: seen_forget
-- Let a message that the hub acknowledged be told once more when a search finds it.
DELETE FROM seen
WHERE account = :account AND chat = :chat AND participant = :participant AND wa_id = :wa_id
  AND event_id NOT IN (SELECT id FROM outbox WHERE seq > (SELECT up_acked FROM facts))
  AND event_id NOT IN (SELECT event_id FROM arrivals);
