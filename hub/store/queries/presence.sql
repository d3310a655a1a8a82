-- name: standing
-- An agent's row of the status table, and whether it was revoked.
SELECT s.agent_id, s.tenant_id, s.status, s.since, s.blocked_until, s.generation, s.connection_id,
       s.instance_id, s.conn_no, a.revoked_at
FROM agent_status AS s
JOIN agents AS a ON a.agent_id = s.agent_id
WHERE s.agent_id = :agent_id;

-- name: current
-- The same row, if this generation still speaks for the agent.
SELECT s.agent_id, s.tenant_id, s.status, s.since, s.blocked_until, s.generation, s.connection_id,
       s.instance_id, s.conn_no, a.revoked_at
FROM agent_status AS s
JOIN agents AS a ON a.agent_id = s.agent_id
WHERE s.agent_id = :agent_id AND s.generation = :generation AND s.connection_id IS NOT NULL;

-- name: all
-- The whole status table.
SELECT s.agent_id, s.tenant_id, s.status, s.since, s.blocked_until, s.generation, a.revoked_at
FROM agent_status AS s
JOIN agents AS a ON a.agent_id = s.agent_id;

-- name: move
-- Moves an agent to another status; a block is named by its end.
UPDATE agent_status SET status = :status, since = :now_ms, blocked_until = :blocked_until
WHERE agent_id = :agent_id;

-- name: record
-- Adds a transition to the history.
INSERT INTO agent_status_history (tenant_id, agent_id, generation, at, from_status, to_status, reason)
VALUES (:tenant_id, :agent_id, :generation, :now_ms, :before, :after, :reason);

-- name: block_until
-- Puts off the end of a duplicate's block.
UPDATE agent_status SET blocked_until = :blocked_until WHERE agent_id = :agent_id;

-- name: enter
-- Gives an agent's word to a new connection; every earlier one is fenced off from here on.
UPDATE agent_status
SET generation = generation + 1, connection_id = :connection_id, instance_id = :instance_id,
    conn_no = :conn_no
WHERE agent_id = :agent_id;

-- name: expel
-- Takes an agent's word from every connection.
UPDATE agent_status SET generation = generation + 1, connection_id = NULL
WHERE agent_id = :agent_id;

-- name: leave
-- Ends a connection's word for its agent, unless a later one has it.
UPDATE agent_status SET connection_id = NULL, last_seen = :seen_ms
WHERE agent_id = :agent_id AND generation = :generation;

-- name: leave_all
-- Ends the word of every connection of an earlier process.
UPDATE agent_status SET connection_id = NULL WHERE connection_id IS NOT NULL;

-- name: see
-- Notes when an agent's connection was last heard; no row when it no longer has the word.
UPDATE agent_status SET last_seen = :seen_ms
WHERE agent_id = :agent_id AND generation = :generation AND connection_id IS NOT NULL;

-- name: describe
-- Notes what an agent says of itself, and when.
UPDATE agent_status
SET last_seen = :seen_ms, whatsapp = :whatsapp, account = coalesce(:account, account),
    paused = :paused, outbox = :outbox, inbox = :inbox
WHERE agent_id = :agent_id AND generation = :generation AND connection_id IS NOT NULL;

-- name: takeovers
-- The takeovers of an agent after a moment.
SELECT at, winner, loser FROM agent_takeovers WHERE agent_id = :agent_id AND at > :since;

-- name: insert_takeover
-- Remembers a takeover between two instances of an agent.
INSERT INTO agent_takeovers (tenant_id, agent_id, at, winner, loser)
VALUES (:tenant_id, :agent_id, :at, :winner, :loser);

-- name: forget_takeovers
-- Drops the takeovers of an agent that no longer count.
DELETE FROM agent_takeovers WHERE agent_id = :agent_id AND at <= :until;

-- name: revoked
-- The agents that were revoked but still have a connection, or are in the JSON list :open.
SELECT s.agent_id
FROM agent_status AS s
JOIN agents AS a ON a.agent_id = s.agent_id
WHERE a.revoked_at IS NOT NULL
  AND (s.connection_id IS NOT NULL OR s.agent_id IN (SELECT value FROM json_each(:open)));

-- name: unworked
-- How many events wait for the assistant: each raises the version of its open turn by one.
SELECT coalesce(sum(version), 0) AS events FROM turns WHERE state = 'pending';
