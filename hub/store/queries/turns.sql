-- name: one
-- One turn, and its chat as it stands.
SELECT t.turn_id, t.agent_id, t.account, t.chat, t.state, t.version, t.first_at, t.due_at, t.reason,
       c.name, c.mode, coalesce(c.owner_wrote, 0) AS owner_wrote, c.paused_until, c.handed_over_at,
       c.disclosed_at
FROM turns AS t LEFT JOIN chats AS c USING (tenant_id, account, chat)
WHERE t.tenant_id = :tenant_id AND t.turn_id = :turn_id;

-- name: pending
-- The turns of every tenant that are still to be answered, the longest due first, after a place in
-- that order.
SELECT turn_id, tenant_id, account, chat, agent_id, first_at, due_at
FROM turns WHERE state = 'pending' AND (due_at, turn_id) > (:due_at, :turn_id)
ORDER BY due_at, turn_id LIMIT :limit;

-- name: open_messages
-- The customers' messages that a shop's turns cover which have not reached the customer, in the order
-- of their arrival.
WITH open AS MATERIALIZED (
    SELECT turn_id, tenant_id, account, chat, agent_id, due_at FROM turns
    WHERE tenant_id = :tenant_id AND state = 'pending'
    UNION ALL
    SELECT turn_id, tenant_id, account, chat, agent_id, due_at FROM turns
    WHERE tenant_id = :tenant_id AND state IN ('suggested', 'waiting') AND state = 'suggested'
)
SELECT m.id, m.tenant_id, m.account, m.chat, m.wa_id, m.received_at, t.turn_id, t.agent_id, t.due_at
FROM open AS t
CROSS JOIN messages AS m USING (tenant_id, account, chat, turn_id) -- in this order: few are open
WHERE m.direction = 'in'
ORDER BY m.id;

-- name: unsettled
-- A chat's turns that somebody, bot or person, still has to do something about; oldest first.
SELECT turn_id, state, reason, first_at FROM turns
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat AND state = 'pending'
UNION ALL
SELECT turn_id, state, reason, first_at FROM turns
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
  AND state IN ('suggested', 'waiting')
ORDER BY first_at, turn_id;

-- name: open
-- Opens a turn; touches no row when it stood here before.
INSERT INTO turns (turn_id, tenant_id, agent_id, account, chat, state, first_at, due_at)
VALUES (:turn_id, :tenant_id, :agent_id, :account, :chat, 'pending', :first_at, :due_at)
ON CONFLICT (turn_id) DO NOTHING;

-- name: raise
-- Changes a turn that has not reached the customer: no answer under way fits it any more, a draft
-- is taken back.
UPDATE turns
SET version = version + 1, state = 'pending', agent_id = :agent_id, first_at = :first_at,
    due_at = :due_at, reply = NULL, reason = NULL, trace = NULL, answer = NULL, finished_at = NULL
WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND state IN ('pending', 'suggested');

-- name: reopen
-- Gives a turn that nobody answered back to the bot.
UPDATE turns
SET version = version + 1, state = 'pending', agent_id = :agent_id, first_at = :first_at,
    due_at = :due_at, reply = NULL, reason = NULL, trace = NULL, answer = NULL, finished_at = NULL
WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND state <> 'answered';

-- name: finish
-- Ends a turn that is to be answered, as it stood at :version (NULL: as it stands).
UPDATE turns
SET state = :state, late = :late, reason = :reason, reply = :reply, trace = :trace,
    finished_at = :finished_at
WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND state = 'pending'
  AND version = coalesce(:version, version);

-- name: keep_answer
-- Keeps what is to follow when a suggested reply is sent.
UPDATE turns SET answer = :answer
WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND state = 'suggested';

-- name: suggestion
-- A reply that waits for a click, and its chat as it stands.
SELECT t.turn_id, t.agent_id, t.version, t.reason, t.reply, t.answer, t.finished_at,
       c.name, c.disclosed_at, c.handed_over_at
FROM turns AS t JOIN chats AS c USING (tenant_id, account, chat)
WHERE t.tenant_id = :tenant_id AND t.account = :account AND t.chat = :chat
  AND t.state IN ('suggested', 'waiting') AND t.state = 'suggested';

-- name: send
-- Ends a turn with the reply that was suggested at :version, which is sent.
UPDATE turns SET state = :state, reason = :reason, finished_at = :finished_at
WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND state = 'suggested' AND version = :version;

-- name: answered_before
-- Ends a turn whose reply was sent before the hub forgot it.
UPDATE turns
SET state = :state, late = 0, reason = :reason, reply = :reply, trace = NULL, answer = NULL,
    finished_at = :finished_at
WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND state IN ('pending', 'suggested');

-- name: drop
-- Ends a turn that nobody has to do anything about any more.
UPDATE turns SET state = 'dropped', reason = :reason, finished_at = :finished_at
WHERE tenant_id = :tenant_id AND turn_id = :turn_id
  AND state IN ('pending', 'suggested', 'waiting');

-- name: reconsider
-- Moves a turn between answered and waiting, as the fate of its reply becomes known.
UPDATE turns SET state = :state, reason = :reason
WHERE tenant_id = :tenant_id AND turn_id = :turn_id AND state IN ('answered', 'waiting');
