-- name: schema
-- The number of the last migration that was applied.
SELECT user_version AS schema FROM pragma_user_version;

-- name: integrity
-- "ok", or the first thing that is wrong with the file.
SELECT quick_check AS verdict FROM pragma_quick_check(1);

-- name: touch
-- Changes one row, for `by` to be taken back at once. Written as it was it would not reach the disk.
UPDATE tenants SET created_at = created_at + :by WHERE rowid = (SELECT min(rowid) FROM tenants);

-- name: quarantine
-- Whose events could be stored but not understood: how many, since when, and the newest; by agent.
SELECT newest.tenant_id, newest.agent_id, kept.events, oldest.received_at AS since,
    newest.received_at AS newest_at, newest.code, newest.type, newest.reason
FROM (
    SELECT count(*) AS events, min(id) AS first, max(id) AS last FROM quarantine GROUP BY agent_id
) AS kept
JOIN quarantine AS oldest ON oldest.id = kept.first
JOIN quarantine AS newest ON newest.id = kept.last
ORDER BY newest.id DESC;
