-- name: insert
-- Records a newly paired agent, as its device called itself.
INSERT INTO agents (agent_id, tenant_id, name, os, version, created_at)
VALUES (:agent_id, :tenant_id, :name, :os, :version, :created_at);

-- name: insert_status
-- Gives an agent its row in the status table: never seen, so offline.
INSERT INTO agent_status (agent_id, tenant_id, status, since)
VALUES (:agent_id, :tenant_id, 'offline', :since);

-- name: all
-- Every agent of every tenant with its status, newest last.
SELECT a.agent_id, a.tenant_id, t.name AS tenant, a.name, a.os, a.version, a.created_at, a.revoked_at,
       CASE WHEN a.revoked_at IS NULL THEN coalesce(s.status, 'offline') ELSE 'blocked' END AS status,
       coalesce(s.since, a.created_at) AS since, s.last_seen, s.whatsapp, s.account, s.blocked_until
FROM agents AS a
JOIN tenants AS t ON t.tenant_id = a.tenant_id
LEFT JOIN agent_status AS s ON s.agent_id = a.agent_id
ORDER BY a.created_at, a.agent_id;

-- name: of_tenant
-- A tenant's agents with their status, newest last.
SELECT a.agent_id,
       CASE WHEN a.revoked_at IS NULL THEN coalesce(s.status, 'offline') ELSE 'blocked' END AS status,
       coalesce(s.since, a.created_at) AS since, s.last_seen, s.whatsapp, s.account
FROM agents AS a
LEFT JOIN agent_status AS s ON s.agent_id = a.agent_id
WHERE a.tenant_id = :tenant_id
ORDER BY a.created_at, a.agent_id;

-- name: named
-- The agents that an id or a device's name can mean, the id's own first; names need not be unique.
SELECT agent_id, tenant_id, name, revoked_at
FROM agents
WHERE agent_id = :ref OR name = :ref
ORDER BY agent_id = :ref DESC, agent_id;

-- name: revoke
-- Shuts an agent out for good.
UPDATE agents SET revoked_at = :now_ms WHERE agent_id = :agent_id AND revoked_at IS NULL;

-- name: count_by_status
-- How many agents are in each status, over all tenants.
SELECT CASE WHEN a.revoked_at IS NULL THEN coalesce(s.status, 'offline') ELSE 'blocked' END AS status,
       count(*) AS agents
FROM agents AS a
LEFT JOIN agent_status AS s ON s.agent_id = a.agent_id
GROUP BY 1
ORDER BY 1;
