-- name: add
-- Keeps a notice once.
INSERT INTO operator_notices (tenant_id, kind, subject, at)
VALUES (:tenant_id, :kind, :subject, :now_ms)
ON CONFLICT (tenant_id, kind, subject) DO NOTHING;

-- name: unseen
-- The newest notices that nobody has marked as seen.
SELECT n.tenant_id, t.name AS tenant, n.kind, n.subject, n.at
FROM operator_notices AS n
LEFT JOIN tenants AS t ON t.tenant_id = n.tenant_id
WHERE n.seen_at IS NULL
ORDER BY n.id DESC
LIMIT :limit;

-- name: see
-- Marks a tenant's notices as seen.
UPDATE operator_notices SET seen_at = :now_ms
WHERE tenant_id = :tenant_id AND seen_at IS NULL;

-- name: prune
-- Deletes notices of before a time.
DELETE FROM operator_notices WHERE at < :before_ms;
