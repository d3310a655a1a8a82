-- What a hub holds that has been in use for months. `bench/stored.py` makes the temporary table
-- `wish` of one row: messages, shops, chats, apart, from_ms, until_ms, kept_ms, words.
--
-- An exchange is three messages: a customer's, the bot's reply to it, and another of the customer's
-- that the owner answered elsewhere. So half of what customers wrote was answered. Exchanges take
-- turns among the chats, chats among the shops, as things arrive in life.

CREATE TEMP VIEW places AS
WITH RECURSIVE numbers (r) AS (
    SELECT 0 UNION ALL SELECT r + 1 FROM numbers, wish WHERE r + 1 < messages
)
SELECT
    r,
    r % 3 AS part, -- 0 asked, 1 the reply to it, 2 asked, and not answered by the bot
    CASE r % 3 WHEN 1 THEN r - 1 ELSE r END AS opener, -- the message that opened the turn
    r / 3 % chats AS place, -- the chat
    from_ms + (until_ms - from_ms) * r / messages AS at,
    kept_ms,
    words
FROM numbers, wish
WHERE messages > 0;

-- Ids rise by no order, as random ones do: the multiplier is odd, so that none comes twice.
CREATE TEMP VIEW written AS
SELECT
    r, part, at, places.kept_ms, place,
    printf('ten_%05d', place % shops) AS tenant_id,
    printf('agt_%05d', place % shops) AS agent_id,
    printf('+9198%08d', place % shops) AS account,
    printf('%d%s@c.us', 910000000000 + place % shops * 20000 + place / shops % 20000,
        CASE WHEN apart THEN printf('%03d', place / shops / 20000) ELSE '' END) AS chat,
    printf('%s%08X%010X', CASE part WHEN 1 THEN '3EB0' ELSE '3A' END,
        r * 2654435761 & 4294967295, r) AS wa_id,
    printf('%08x-0000-4000-8000-%012x', r * 2654435761 & 4294967295, r) AS event_id,
    printf('%08x-0000-5000-8000-%012x', opener * 2654435761 & 4294967295, opener) AS turn_id,
    substr(places.words, 1, 20 + r * 7919 % 381) AS text
FROM places, wish;

BEGIN;

INSERT INTO chats (tenant_id, account, chat, agent_id, name, owner_wrote, disclosed_at)
SELECT tenant_id, account, chat, agent_id, printf('Customer %d', place), 1, min(at)
FROM written GROUP BY place;

INSERT INTO messages
    (tenant_id, agent_id, account, chat, wa_id, direction, author, kind, text, sender, sent_at,
     received_at, turn_id, event_id, state, state_at)
SELECT
    tenant_id, agent_id, account, chat, wa_id,
    CASE part WHEN 1 THEN 'out' ELSE 'in' END,
    CASE part WHEN 1 THEN 'bot' ELSE 'customer' END,
    'text', text,
    CASE part WHEN 1 THEN NULL ELSE json_object('id', chat) END,
    at, at + 200, turn_id,
    CASE part WHEN 1 THEN event_id END,
    CASE part WHEN 1 THEN 'read' END,
    CASE part WHEN 1 THEN at + 60000 END
FROM written ORDER BY r;

INSERT INTO turns
    (turn_id, tenant_id, agent_id, account, chat, state, first_at, due_at, reason, trace, finished_at)
SELECT
    turn_id, tenant_id, agent_id, account, chat,
    CASE part WHEN 0 THEN 'answered' ELSE 'dropped' END,
    at, at + 3000,
    CASE part WHEN 2 THEN 'owner_replied' END,
    CASE part WHEN 0 THEN
        json_object('path', 'echo', 'tool_calls', json('[]'), 'latency_ms', 900,
            'messages', json_array(wa_id))
    END,
    at + 4000
FROM written WHERE part <> 1 ORDER BY r;

INSERT INTO up_events (tenant_id, agent_id, event_id, type, received_at)
SELECT tenant_id, agent_id, event_id,
    CASE part WHEN 1 THEN 'message.status' ELSE 'message.received' END, at + 200
FROM written ORDER BY r;

INSERT INTO up_positions (tenant_id, agent_id, epoch, seq, last_id, updated_at)
SELECT tenant_id, agent_id, 'stored', count(*), event_id, max(at) FROM written GROUP BY agent_id;

-- Housekeeping has been here: what was acknowledged long ago has no place and no content any more,
-- but an agent's newest order keeps its place.
INSERT INTO down_events (tenant_id, agent_id, event_id, seq, type, ts, data, result, acked_at)
SELECT
    tenant_id, agent_id, event_id,
    CASE WHEN at >= kept_ms OR seq = newest THEN seq END,
    'message.send', at,
    CASE WHEN at >= kept_ms OR seq = newest
        THEN json_object('account', account, 'chat', chat, 'text', text) ELSE '' END,
    'read', at + 1000
FROM (
    SELECT *, row_number() OVER (PARTITION BY agent_id ORDER BY r) AS seq,
        count(*) OVER (PARTITION BY agent_id) AS newest
    FROM written WHERE part = 1
) ORDER BY r;

INSERT OR REPLACE INTO down_logs (agent_id, tenant_id, epoch, acked, stamped)
SELECT agent_id, tenant_id, 'stored', count(*), count(*) FROM written WHERE part = 1
GROUP BY agent_id;

COMMIT;
