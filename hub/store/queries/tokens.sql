-- name: insert
-- Records a new token of an agent.
INSERT INTO agent_tokens (token_hash, tenant_id, agent_id, created_at, expires_at)
VALUES (:token_hash, :tenant_id, :agent_id, :created_at, :expires_at);

-- name: by_hash
-- Whom a token speaks for, and whether it and its agent may still speak.
SELECT k.token_hash, k.agent_id, k.tenant_id, k.expires_at, k.first_used_at, k.retired_at, a.revoked_at
FROM agent_tokens AS k
JOIN agents AS a ON a.agent_id = k.agent_id
WHERE k.token_hash = :token_hash;

-- name: use
-- Marks a token's first use.
UPDATE agent_tokens SET first_used_at = :now_ms
WHERE token_hash = :token_hash AND first_used_at IS NULL;

-- name: retire_others
-- Ends all tokens of an agent but one.
UPDATE agent_tokens SET retired_at = :now_ms
WHERE agent_id = :agent_id AND token_hash <> :token_hash AND retired_at IS NULL;

-- name: retire_candidates
-- Ends the tokens of an agent that were handed out but never used, all but one.
UPDATE agent_tokens SET retired_at = :now_ms
WHERE agent_id = :agent_id AND token_hash <> :token_hash
  AND first_used_at IS NULL AND retired_at IS NULL;

-- name: retire_all
-- Ends every token of an agent.
UPDATE agent_tokens SET retired_at = :now_ms WHERE agent_id = :agent_id AND retired_at IS NULL;
