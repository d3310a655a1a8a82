-- The papers of orders: what is still to be made and sent.

-- name: open
-- The papers of every tenant that are still to be sent, the oldest first, after a place in that order.
SELECT tenant_id, order_id, kind, account, chat, agent_id, created_at, tries
FROM order_papers
WHERE done_at IS NULL AND (created_at, order_id, kind) > (:created_at, :order_id, :kind)
ORDER BY created_at, order_id, kind LIMIT :limit;

-- name: subject
-- The order that a paper is about, and its shop.
SELECT o.order_no, o.state, o.paid_at, o.bill, o.delivery, o.created_at, o.customer_id,
       t.name AS shop, t.locale, t.timezone, t.settings
FROM orders AS o JOIN tenants AS t USING (tenant_id)
WHERE o.tenant_id = :tenant_id AND o.order_id = :order_id;

-- name: of_order
-- The papers of an order and what became of each; of one that was handed to an agent also what that
-- reported of its message.
SELECT p.kind, p.created_at, p.done_at, p.tries, p.sha256, p.event_id,
       m.state AS message_state, m.state_at AS message_state_at, m.error AS message_error
FROM order_papers AS p
LEFT JOIN messages AS m ON m.tenant_id = p.tenant_id AND m.account = p.account
                       AND m.chat = p.chat AND m.event_id = p.event_id
WHERE p.tenant_id = :tenant_id AND p.order_id = :order_id
ORDER BY p.kind;

-- name: finish
-- Notes that a paper is done with; with an event id it was sent. Touches no row if it is already.
UPDATE order_papers SET done_at = :now_ms, sha256 = :sha256, event_id = :event_id
WHERE tenant_id = :tenant_id AND order_id = :order_id AND kind = :kind AND done_at IS NULL;

-- name: count_try
-- Counts a failure; the paper is done with after :tries_max of them.
UPDATE order_papers
SET tries = tries + 1, done_at = CASE WHEN tries + 1 >= :tries_max THEN :now_ms END
WHERE tenant_id = :tenant_id AND order_id = :order_id AND kind = :kind AND done_at IS NULL;

-- name: give_up
-- Notes that a paper will not be sent, though it should have been.
UPDATE order_papers SET done_at = :now_ms, tries = max(tries, :tries_max)
WHERE tenant_id = :tenant_id AND order_id = :order_id AND kind = :kind AND done_at IS NULL;

-- name: health
-- How many papers wait, since when, and how many nobody will get by themselves after a time, because
-- the hub could not make them or the agent could not send them; over all tenants.
SELECT count(*) FILTER (WHERE p.done_at IS NULL) AS waiting,
       min(p.created_at) FILTER (WHERE p.done_at IS NULL) AS waiting_since,
       count(*) FILTER (WHERE p.done_at IS NOT NULL) AS given_up,
       max(coalesce(m.state_at, p.done_at)) AS given_up_at
FROM order_papers AS p
LEFT JOIN messages AS m ON m.tenant_id = p.tenant_id AND m.account = p.account
                       AND m.chat = p.chat AND m.event_id = p.event_id
WHERE p.done_at IS NULL
   OR (p.done_at >= :since
       AND ((p.event_id IS NULL AND p.tries >= :tries_max)
            OR m.state IN ('failed', 'unknown', 'expired')));
