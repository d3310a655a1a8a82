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
-- The papers of an order and what became of each.
SELECT kind, created_at, done_at, tries, sha256, event_id FROM order_papers
WHERE tenant_id = :tenant_id AND order_id = :order_id
ORDER BY kind;

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
-- How many papers wait, since when, and how many were given up after a time; over all tenants.
SELECT count(*) FILTER (WHERE done_at IS NULL) AS waiting,
       min(created_at) FILTER (WHERE done_at IS NULL) AS waiting_since,
       count(*) FILTER (WHERE done_at IS NOT NULL) AS given_up,
       max(done_at) AS given_up_at
FROM order_papers
WHERE done_at IS NULL OR (done_at >= :since AND event_id IS NULL AND tries >= :tries_max);
