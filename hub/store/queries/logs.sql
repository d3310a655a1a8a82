-- The wire's two logs. `up` is what agents said, `down` is what they are told.

-- name: up_position
-- Where an agent's log of this epoch is committed to.
SELECT seq, last_id FROM up_positions
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND epoch = :epoch

-- name: up_advance
-- Take steps in an agent's log up to seq; touches no row unless `first` is the very next one.
INSERT INTO up_positions (tenant_id, agent_id, epoch, seq, last_id, updated_at)
SELECT :tenant_id, :agent_id, :epoch, :seq, :last_id, :now_ms
WHERE :first = 1 OR EXISTS (
    SELECT 1 FROM up_positions
    WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND epoch = :epoch
)
ON CONFLICT (agent_id, epoch) DO UPDATE
SET seq = excluded.seq, last_id = excluded.last_id, updated_at = excluded.updated_at
WHERE up_positions.seq = :first - 1

-- name: up_event_add
-- Note the id of an event; touches no row when it was taken before.
INSERT INTO up_events (tenant_id, agent_id, event_id, type, received_at)
VALUES (:tenant_id, :agent_id, :event_id, :type, :now_ms)
ON CONFLICT (agent_id, event_id) DO NOTHING

-- name: up_event_known
-- Whether an event was taken before: one row, or none.
SELECT type, received_at FROM up_events
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND event_id = :event_id

-- name: up_events_prune
-- Forget the ids of events that nobody can send again.
DELETE FROM up_events WHERE received_at < :before_ms

-- name: quarantine_add
-- Keep an event that could not be understood.
INSERT INTO quarantine
    (tenant_id, agent_id, event_id, type, code, reason, frame, received_at)
VALUES (:tenant_id, :agent_id, :event_id, :type, :code, :reason, :frame, :now_ms)

-- name: quarantine_list
-- What could not be understood, the newest first.
SELECT id, agent_id, event_id, type, code, reason, frame, received_at FROM quarantine
WHERE tenant_id = :tenant_id ORDER BY id DESC LIMIT :limit

-- name: quarantine_prune
-- Forget all but an agent's newest, for every agent.
DELETE FROM quarantine WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY agent_id ORDER BY id DESC) AS place FROM quarantine
    ) WHERE place > :most
)

-- name: command_result_add
-- What an agent said became of a command; a later word replaces an earlier one.
INSERT INTO command_results (tenant_id, agent_id, ref, state, data, error, received_at)
VALUES (:tenant_id, :agent_id, :ref, :state, :data, :error, :now_ms)
ON CONFLICT (agent_id, ref) DO UPDATE
SET state = excluded.state, data = excluded.data, error = excluded.error,
    received_at = excluded.received_at

-- name: command_result
-- What became of a command.
SELECT state, data, error, received_at FROM command_results
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND ref = :ref

-- name: down_log
-- An agent's order log: its epoch, what was acknowledged, the newest and the oldest row in it.
SELECT epoch, acked,
    (SELECT max(seq) FROM down_events
        WHERE down_events.agent_id = :agent_id AND seq IS NOT NULL) AS newest,
    (SELECT min(seq) FROM down_events
        WHERE down_events.agent_id = :agent_id AND seq IS NOT NULL) AS oldest
FROM down_logs WHERE tenant_id = :tenant_id AND agent_id = :agent_id

-- name: down_log_open
-- Begin an agent's order log, if it has none.
INSERT INTO down_logs (tenant_id, agent_id, epoch) VALUES (:tenant_id, :agent_id, :epoch)
ON CONFLICT (agent_id) DO NOTHING

-- name: down_event
-- One order by its id.
SELECT seq, type, ts, data, result, acked_at FROM down_events
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND event_id = :event_id

-- name: down_id_at
-- Which order stands at a place in the log.
SELECT event_id FROM down_events
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND seq = :seq

-- name: down_add
-- Put an order at a place of an agent's log; touches no row when it is known.
INSERT INTO down_events (tenant_id, agent_id, event_id, seq, type, ts, data)
VALUES (:tenant_id, :agent_id, :event_id, :seq, :type, :ts, :data)
ON CONFLICT (agent_id, event_id) DO NOTHING

-- name: down_after
-- The orders that follow a place in the log.
SELECT event_id, seq, type, ts, data FROM down_events
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND seq > :seq ORDER BY seq LIMIT :limit

-- name: down_stamp
-- Note the time at orders that the agents took custody of since the last time.
UPDATE down_events SET acked_at = :now_ms WHERE rowid IN (
    SELECT e.rowid FROM down_logs AS l
    CROSS JOIN down_events AS e -- in this order: few logs moved, many orders stand
    WHERE l.stamped < l.acked AND e.agent_id = l.agent_id AND e.seq > l.stamped AND e.seq <= l.acked
)

-- name: down_ack
-- How far the agent has taken custody; touches no row for another epoch or an older place.
UPDATE down_logs SET acked = :seq
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND epoch = :epoch
    AND acked < :seq AND :seq <= (SELECT max(seq) FROM down_events
        WHERE down_events.agent_id = :agent_id AND seq IS NOT NULL)

-- name: down_stamped
-- Note up to where the time stands at the orders.
UPDATE down_logs SET stamped = acked WHERE stamped < acked

-- name: down_result
-- What became of an order: from then on it is never given to the agent again.
UPDATE down_events SET result = :state
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND event_id = :event_id

-- name: down_unfinished
-- The orders of which nobody knows what became, in their order.
SELECT event_id FROM down_events
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND result IS NULL
ORDER BY seq, ts, event_id

-- name: down_clear_places
-- Take every order of an agent out of its place.
UPDATE down_events SET seq = NULL
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND seq IS NOT NULL

-- name: down_give_place
-- Put an order at its place in a new epoch, where nobody has it yet.
UPDATE down_events SET seq = :seq, acked_at = NULL
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND event_id = :event_id

-- name: down_new_epoch
-- Begin an agent's order log anew; its orders have their new places already.
UPDATE down_logs SET epoch = :epoch, acked = 0, stamped = 0
WHERE tenant_id = :tenant_id AND agent_id = :agent_id

-- name: down_prune_places
-- Take long-acknowledged orders out of the logs. Always from the start, so that no gap arises, and
-- never the last one acknowledged, by which the agent proves what it holds.
UPDATE down_events SET seq = NULL
FROM (
    SELECT agent_id, min(max(seq), acked - 1) AS last
    FROM down_events JOIN down_logs USING (agent_id)
    WHERE seq IS NOT NULL AND acked_at < :before_ms GROUP BY agent_id
) AS old
WHERE down_events.agent_id = old.agent_id AND seq <= old.last

-- name: down_prune_data
-- Drop the content of orders that are finished and out of the log; their ids stay.
UPDATE down_events SET data = '' WHERE seq IS NULL AND result IS NOT NULL AND data <> ''

-- name: down_prune_ids
-- Forget orders that nobody can repeat.
DELETE FROM down_events WHERE seq IS NULL AND result IS NOT NULL AND ts < :before_ms
