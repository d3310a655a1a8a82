-- name: one
-- What is kept of one chat between turns.
SELECT agent_id, name, mode, owner_wrote, paused_until, handed_over_at, disclosed_at
FROM chats
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: touch
-- Records that an agent saw a chat; a name is kept until a newer one is known.
INSERT INTO chats (tenant_id, account, chat, agent_id, name)
VALUES (:tenant_id, :account, :chat, :agent_id, :name)
ON CONFLICT (tenant_id, account, chat) DO UPDATE SET
    agent_id = excluded.agent_id, name = coalesce(excluded.name, name)
WHERE agent_id <> excluded.agent_id OR excluded.name IS NOT name AND excluded.name IS NOT NULL;

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

-- name: situation
-- What is kept of one chat, and its turn that has not reached the customer, if it has one; always
-- one row. `agent_id` is NULL for a chat that nobody has seen yet.
SELECT c.agent_id, c.name, c.mode, coalesce(c.owner_wrote, 0) AS owner_wrote, c.paused_until,
       c.handed_over_at, c.disclosed_at,
       coalesce(p.turn_id, s.turn_id) AS turn_id, coalesce(p.state, s.state) AS turn_state,
       coalesce(p.first_at, s.first_at) AS first_at
FROM (SELECT 1)
LEFT JOIN chats AS c
    ON c.tenant_id = :tenant_id AND c.account = :account AND c.chat = :chat
LEFT JOIN turns AS p
    ON p.tenant_id = :tenant_id AND p.account = :account AND p.chat = :chat AND p.state = 'pending'
LEFT JOIN turns AS s
    ON s.tenant_id = :tenant_id AND s.account = :account AND s.chat = :chat
    AND s.state IN ('suggested', 'waiting') AND s.state = 'suggested'
LIMIT 1;
