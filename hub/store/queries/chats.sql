-- name: one
-- What is kept of one chat between turns.
SELECT agent_id, name, mode, owner_wrote, paused_until, handed_over_at, disclosed_at, last_inbound_at
FROM chats
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: touch
-- Records that an agent saw a chat; a name is kept until a newer one is known.
INSERT INTO chats (tenant_id, account, chat, agent_id, name, last_inbound_at)
VALUES (:tenant_id, :account, :chat, :agent_id, :name, :inbound_at)
ON CONFLICT (tenant_id, account, chat) DO UPDATE SET
    agent_id = excluded.agent_id,
    name = coalesce(excluded.name, name),
    last_inbound_at = CASE
        WHEN excluded.last_inbound_at IS NULL THEN last_inbound_at
        WHEN last_inbound_at IS NULL THEN excluded.last_inbound_at
        ELSE max(last_inbound_at, excluded.last_inbound_at) END;

-- name: take_over
-- Gives a chat to the owner, who wrote in it; an announced handover is thereby kept.
UPDATE chats
SET paused_until = :paused_until, handed_over_at = NULL, owner_wrote = max(owner_wrote, :known)
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: pause
-- Keeps the bot out of a chat until a moment.
UPDATE chats SET paused_until = max(coalesce(paused_until, 0), :paused_until)
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: told
-- Notes what the customer was told: that replies are automatic, that a person will answer.
UPDATE chats SET disclosed_at = :disclosed_at, handed_over_at = :handed_over_at
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;
