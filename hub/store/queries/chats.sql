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

-- name: set_pause
-- Keeps the bot out of a chat until a moment, whatever was so before.
UPDATE chats SET paused_until = :paused_until
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: give_back
-- Ends a pause; what was announced to the customer is over with it. That a person had the chat up
-- to now stays known: what was said before is no sign of a loop any more.
UPDATE chats SET paused_until = min(paused_until, :now_ms), handed_over_at = NULL
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: set_mode
-- Sets what the bot may do in one chat; NULL: what it may in the shop's others.
UPDATE chats SET mode = :mode
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

-- name: desk
-- A shop's chats with one person as its operator sees them: what was said last, and the turn that
-- waits, a draft before all else; those where something was said last come first. With :chat only
-- that one. `last_word`: who had it in a chat that a person has.
SELECT c.account, c.chat, c.agent_id, c.name, c.mode, c.paused_until, c.handed_over_at,
       m.author, m.kind, m.text, m.sent_at, m.state AS message_state,
       CASE WHEN c.paused_until > :now_ms THEN (
           SELECT l.author FROM messages AS l
           WHERE l.tenant_id = c.tenant_id AND l.account = c.account AND l.chat = c.chat
             AND l.kind IN ('text', 'media', 'location', 'contact')
           ORDER BY l.id DESC LIMIT 1) END AS last_word,
       t.turn_id, t.state AS turn_state, t.reason, t.reply, t.first_at,
       EXISTS (SELECT 1 FROM turns AS p
               WHERE p.tenant_id = c.tenant_id AND p.account = c.account AND p.chat = c.chat
                 AND p.state = 'pending') AS is_answering
FROM chats AS c
JOIN messages AS m ON m.id = (
    SELECT max(l.id) FROM messages AS l
    WHERE l.tenant_id = c.tenant_id AND l.account = c.account AND l.chat = c.chat)
LEFT JOIN turns AS t ON t.turn_id = (
    SELECT w.turn_id FROM turns AS w
    WHERE w.tenant_id = c.tenant_id AND w.account = c.account AND w.chat = c.chat
      AND w.state IN ('suggested', 'waiting') AND (:state IS NULL OR w.state = :state)
    ORDER BY w.state = 'suggested' DESC, w.first_at, w.turn_id LIMIT 1)
WHERE c.tenant_id = :tenant_id
  AND (:chat IS NULL OR c.account = :account AND c.chat = :chat)
  AND (:state IS NULL OR t.state IS NOT NULL
       OR :state = 'waiting' AND m.author = 'owner' AND m.state IN ('failed', 'unknown', 'expired')
       OR :state = 'waiting' AND last_word = 'customer')
ORDER BY m.id DESC LIMIT :most;

-- name: last_said
-- When something was said last in a chat, in the order of arrival; NULL where nothing was.
SELECT max(id) AS id FROM messages
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: said
-- What was said last in a chat, the newest first.
SELECT author, kind, text, sent_at, state, error FROM messages
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
  AND kind IN ('text', 'media', 'location', 'contact')
ORDER BY id DESC LIMIT :most;
