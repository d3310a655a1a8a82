-- name: insert
-- Offers a code for one pairing.
INSERT INTO pairing_codes (code_hash, tenant_id, created_at, expires_at)
VALUES (:code_hash, :tenant_id, :created_at, :expires_at);

-- name: by_hash
-- A code's row, whatever became of it.
SELECT code_hash, tenant_id, created_at, expires_at, used_at, agent_id
FROM pairing_codes
WHERE code_hash = :code_hash;

-- name: use
-- Spends a code, if nobody has yet and its time is not over.
UPDATE pairing_codes
SET used_at = :now_ms, agent_id = :agent_id
WHERE code_hash = :code_hash AND used_at IS NULL AND expires_at > :now_ms;

-- name: forget
-- Removes the codes that were spent or ran out before a moment; they are unknown from then on.
DELETE FROM pairing_codes
WHERE coalesce(used_at, expires_at) <= :before_ms;
