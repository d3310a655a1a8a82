-- What `sak-hub trace` and the summary of a conversation read: a chat's turns by its messages, which
-- are indexed by chat; the turns that ended are not.

-- name: turn
-- A turn of any shop.
SELECT turn_id, tenant_id, agent_id, account, chat, state, version, first_at, due_at, late, reason,
       reply, answer, trace, finished_at
FROM turns WHERE turn_id = :turn_id;

-- name: begun_so
-- The turns of any shop whose ids are from one up to another.
SELECT turn_id FROM turns WHERE turn_id >= :first AND turn_id < :beyond ORDER BY turn_id LIMIT :most;

-- name: messages
-- The newest messages of a chat that say something or change what was said, before a place in their
-- order; newest first.
SELECT id, wa_id, author, kind, text, sent_at, received_at, turn_id, state, state_at, error
FROM messages
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat AND id < :before
  AND kind IN ('text', 'media', 'location', 'contact', 'edit', 'revoke')
ORDER BY id DESC LIMIT :most;

-- name: messages_of_turn
-- What a turn answered and what it said, in the order of arrival.
SELECT id, wa_id, author, kind, text, sent_at, received_at, turn_id, state, state_at, error
FROM messages
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat AND turn_id = :turn_id
  AND kind IN ('text', 'media', 'location', 'contact')
ORDER BY id;

-- name: outgoing
-- What was to be sent for a turn that only suggested, oldest first.
SELECT kind, due_at, created_at, done_at, outcome FROM outgoing
WHERE tenant_id = :tenant_id AND turn_id = :turn_id ORDER BY created_at, outgoing_id;

-- name: size
-- How many messages a chat has, at most so many are counted, and when the first one was written.
SELECT count(*) AS messages,
       (SELECT sent_at FROM messages
        WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
        ORDER BY id LIMIT 1) AS began_at
FROM (SELECT 1 FROM messages
      WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat LIMIT :most);

-- name: several
-- Some turns of a shop, by a JSON list of their ids.
SELECT turn_id, state, reason, trace FROM turns
WHERE tenant_id = :tenant_id AND turn_id IN (SELECT value FROM json_each(:turn_ids));

-- name: orders
-- A customer's newest orders, and how many there are.
SELECT order_no, state, created_at, count(*) OVER () AS orders FROM orders
WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY created_at DESC, number DESC LIMIT :most;
