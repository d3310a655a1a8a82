-- name: insert
-- Records an operator's key; without a tenant it reaches all of them.
INSERT INTO api_keys (key_hash, key_id, name, tenant_id, created_at)
VALUES (:key_hash, :key_id, :name, :tenant_id, :created_at);

-- name: by_hash
-- What a key opens, if it was not revoked.
SELECT key_hash, key_id, tenant_id FROM api_keys WHERE key_hash = :key_hash AND revoked_at IS NULL;

-- name: named
-- The key with this id or name.
SELECT key_id, name, tenant_id, revoked_at FROM api_keys
WHERE key_id = :ref OR name = :ref
ORDER BY key_id = :ref DESC;

-- name: all
-- Every key, oldest first; never the key itself.
SELECT key_id, name, tenant_id, created_at, revoked_at FROM api_keys ORDER BY created_at, key_id;

-- name: revoke
-- Ends a key.
UPDATE api_keys SET revoked_at = :now_ms WHERE key_id = :key_id AND revoked_at IS NULL;
