-- name: take
-- Records a message that an agent saw, unless the tenant has it under its natural key already.
-- (What a query does not name is NULL without being bound, which sqlite3 does at a microsecond each.)
INSERT INTO messages
    (tenant_id, agent_id, account, chat, participant, wa_id, direction, author, kind, text, media,
     reply_to, sender, sent_at, received_at, live, turn_id)
VALUES
    (:tenant_id, :agent_id, :account, :chat, :participant, :wa_id, :direction, :author, :kind, :text,
     :media, :reply_to, :sender, :sent_at, :received_at, :live, :turn_id)
ON CONFLICT (tenant_id, account, chat, participant, wa_id) DO NOTHING;

-- name: any_erased
-- Whether messages of a shop's customers were ever erased.
SELECT 1 AS found FROM erased_messages WHERE tenant_id = :tenant_id LIMIT 1;

-- name: is_erased
-- Whether a message was erased, and must not come back.
SELECT 1 AS found FROM erased_messages
WHERE tenant_id = :tenant_id AND account = :account AND wa_id = :wa_id;

-- name: say
-- Records a reply of ours, whatever has become of it, unless it is known already.
INSERT INTO messages
    (tenant_id, agent_id, account, chat, wa_id, direction, author, kind, text, sent_at, received_at,
     turn_id, event_id, state, state_at)
VALUES
    (:tenant_id, :agent_id, :account, :chat, :wa_id, 'out', 'bot', 'text', :text, :now_ms, :now_ms,
     :turn_id, :event_id, :state, :now_ms)
ON CONFLICT (tenant_id, account, chat, participant, wa_id) DO NOTHING;

-- name: send
-- Records words of the operator's or the shop's own that are on their way, unless they are known.
INSERT INTO messages
    (tenant_id, agent_id, account, chat, wa_id, direction, author, kind, text, sent_at, received_at,
     event_id, state, state_at)
VALUES
    (:tenant_id, :agent_id, :account, :chat, :wa_id, 'out', :author, 'text', :text, :now_ms, :now_ms,
     :event_id, 'queued', :now_ms)
ON CONFLICT (tenant_id, account, chat, participant, wa_id) DO NOTHING;

-- name: say_file
-- Records a file that we send, with the words under it, unless it is known already.
INSERT INTO messages
    (tenant_id, agent_id, account, chat, wa_id, direction, author, kind, text, media, sent_at,
     received_at, event_id, state, state_at)
VALUES
    (:tenant_id, :agent_id, :account, :chat, :wa_id, 'out', 'bot', 'media', :text, :media, :now_ms,
     :now_ms, :event_id, 'queued', :now_ms)
ON CONFLICT (tenant_id, account, chat, participant, wa_id) DO NOTHING;

-- name: is_own
-- Whether a message that we sent from this number has the key; the chat may go by another alias.
SELECT 1 AS found FROM messages
WHERE tenant_id = :tenant_id AND wa_id = :wa_id AND account = :account AND event_id IS NOT NULL
LIMIT 1;

-- name: turn_of
-- The turn that covers a customer's message.
SELECT turn_id FROM messages
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat AND participant = ''
  AND wa_id = :wa_id AND direction = 'in';

-- name: cover
-- Puts a message into a turn.
UPDATE messages SET turn_id = :turn_id
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat AND participant = ''
  AND wa_id = :wa_id;

-- name: recent
-- The newest messages of a chat that say something or change what was said, newest first.
SELECT wa_id, author, kind, text, reply_to, sender ->> '$.phone' AS phone,
       sender ->> '$.lid' AS lid, sent_at, turn_id, state
FROM messages
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
  AND kind IN ('text', 'media', 'location', 'contact', 'edit', 'revoke')
ORDER BY id DESC
LIMIT :limit;

-- name: sent_by_event
-- The message that a `message.send` of this agent carries; its id in WhatsApp is derived from it.
SELECT id, turn_id, state FROM messages
WHERE tenant_id = :tenant_id AND wa_id = :wa_id AND agent_id = :agent_id AND event_id = :event_id;

-- name: set_state
-- Notes what became of a message that we wrote.
UPDATE messages SET state = :state, state_at = :state_at, error = :error
WHERE tenant_id = :tenant_id AND id = :id;

-- name: adopt
-- Ties a reply that the hub had lost to the event that once carried it.
UPDATE messages SET event_id = :event_id, state = 'sent', state_at = :state_at
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat AND participant = ''
  AND wa_id = :wa_id;
