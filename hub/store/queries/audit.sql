-- name: messages
-- An account's messages since a moment, as far as the hub had them at :until_ms, with their turns.
SELECT m.chat, m.wa_id, m.sent_at, m.direction, m.kind, m.turn_id, t.state AS turn_state, t.reason
FROM messages AS m LEFT JOIN turns AS t ON t.turn_id = m.turn_id AND t.tenant_id = m.tenant_id
WHERE m.tenant_id = :tenant_id AND m.account = :account AND m.participant = ''
  AND m.sent_at >= :since_ms AND m.received_at <= :until_ms;

-- name: message
-- The same of one message, whenever it came.
SELECT m.chat, m.wa_id, m.sent_at, m.direction, m.kind, m.turn_id, t.state AS turn_state, t.reason
FROM messages AS m LEFT JOIN turns AS t ON t.turn_id = m.turn_id AND t.tenant_id = m.tenant_id
WHERE m.tenant_id = :tenant_id AND m.account = :account AND m.participant = ''
  AND m.chat = :chat AND m.wa_id = :wa_id;

-- name: replies
-- What became of the replies to an account's turns since a moment.
SELECT turn_id, state FROM messages
WHERE tenant_id = :tenant_id AND account = :account AND sent_at >= :since_ms
  AND event_id IS NOT NULL AND turn_id IS NOT NULL;

-- name: accounts
-- The numbers that a shop's chats were held with.
SELECT DISTINCT account FROM chats WHERE tenant_id = :tenant_id ORDER BY account;

-- name: ordered
-- The agents with a command that has no result yet.
SELECT DISTINCT agent_id FROM down_events WHERE result IS NULL AND type = 'command';
