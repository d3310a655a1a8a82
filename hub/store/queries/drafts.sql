-- name: newest
-- What a customer was shown last, whatever became of it.
SELECT draft_id, customer_id, state, turn_id, bill, delivery, hash, created_at, expires_at
FROM drafts WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY created_at DESC, state = 'open' DESC LIMIT 1;

-- name: one
-- One draft of a customer.
SELECT draft_id, customer_id, state, turn_id, bill, delivery, hash, created_at, expires_at
FROM drafts
WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND draft_id = :draft_id;

-- name: insert
-- Records what a customer is shown.
INSERT INTO drafts
    (draft_id, tenant_id, customer_id, state, turn_id, bill, delivery, hash, total, created_at,
     expires_at)
VALUES
    (:draft_id, :tenant_id, :customer_id, 'open', :turn_id, :bill, :delivery, :hash, :total,
     :now_ms, :expires_at);

-- name: end
-- Ends a customer's open draft; one whose time is over ends as expired in any case.
UPDATE drafts
SET state = CASE WHEN expires_at <= :now_ms THEN 'expired' ELSE :state END, ended_at = :now_ms
WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND state = 'open';

-- name: order
-- Marks an open draft as the order that it became.
UPDATE drafts SET state = 'ordered', ended_at = :now_ms
WHERE tenant_id = :tenant_id AND draft_id = :draft_id AND state = 'open';

-- name: heard_at
-- When the first message of a turn reached the hub.
SELECT first_at FROM turns WHERE tenant_id = :tenant_id AND turn_id = :turn_id;
