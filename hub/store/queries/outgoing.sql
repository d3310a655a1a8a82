-- What persons, and shops by themselves, have to say in chats until it is sent.

-- name: put
-- Keeps a message until it is sent, once.
INSERT INTO outgoing
    (outgoing_id, tenant_id, account, chat, kind, text, turn_id, version, order_id, due_at,
     created_at)
VALUES
    (:outgoing_id, :tenant_id, :account, :chat, :kind, :text, :turn_id, :version, :order_id, :due_at,
     :created_at)
ON CONFLICT (outgoing_id) DO NOTHING;

-- name: put_approved
-- Keeps an approved suggestion until it is sent; one that was refused before may be approved anew.
INSERT INTO outgoing
    (outgoing_id, tenant_id, account, chat, kind, text, turn_id, version, order_id, due_at,
     created_at)
VALUES
    (:outgoing_id, :tenant_id, :account, :chat, :kind, :text, :turn_id, :version, :order_id, :due_at,
     :created_at)
ON CONFLICT (outgoing_id) DO UPDATE SET
    text = excluded.text, turn_id = excluded.turn_id, version = excluded.version,
    due_at = excluded.due_at, created_at = excluded.created_at, done_at = NULL, outcome = NULL
WHERE done_at IS NOT NULL AND outcome <> 'ordered';

-- name: due
-- What is to be sent by now, of every tenant, the longest due first, after a place in that order; with
-- the living agent that saw the chat last, or another one of its number.
SELECT o.outgoing_id, o.tenant_id, o.account, o.chat, o.kind, o.text, o.turn_id, o.version,
       o.order_id, o.due_at, o.created_at, o.rowid AS place,
       coalesce(
           (SELECT a.agent_id FROM agents AS a
            WHERE a.agent_id = c.agent_id AND a.tenant_id = o.tenant_id AND a.revoked_at IS NULL),
           (SELECT a.agent_id FROM agents AS a JOIN agent_status AS s ON s.agent_id = a.agent_id
            WHERE a.tenant_id = o.tenant_id AND a.revoked_at IS NULL AND s.account = o.account
            ORDER BY s.last_seen DESC LIMIT 1)
       ) AS agent_id
FROM outgoing AS o
LEFT JOIN chats AS c
    ON c.tenant_id = o.tenant_id AND c.account = o.account AND c.chat = o.chat
WHERE o.done_at IS NULL AND o.due_at <= :now_ms AND (o.due_at, o.rowid) > (:due_at, :place)
ORDER BY o.due_at, o.rowid LIMIT :limit;

-- name: outcome
-- What became of a message; NULL while it waits.
SELECT outcome FROM outgoing WHERE outgoing_id = :outgoing_id;

-- name: of_chat
-- The newest of what was, or is, to go out in a chat and did not.
SELECT outgoing_id, kind, text, due_at, created_at, done_at, outcome FROM outgoing
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
  AND outcome IS NOT 'ordered'
ORDER BY rowid DESC LIMIT :limit;

-- name: finish
-- Notes what became of a message; touches no row when that was noted before.
UPDATE outgoing
SET done_at = :now_ms, outcome = :outcome, text = iif(:outcome = 'ordered', NULL, text)
WHERE outgoing_id = :outgoing_id AND done_at IS NULL;

-- name: put_off
-- Has a message looked at again at another time.
UPDATE outgoing SET due_at = :due_at WHERE outgoing_id = :outgoing_id AND done_at IS NULL;

-- name: prune
-- Forgets what was ended long ago.
DELETE FROM outgoing WHERE done_at < :before_ms;

-- name: erase
-- Deletes what was to go out in a chat.
DELETE FROM outgoing WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;
