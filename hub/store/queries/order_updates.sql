-- Telling customers what became of their orders.

-- name: placed_in
-- The chat in which an order was placed: its papers went there.
SELECT account, chat FROM order_papers
WHERE tenant_id = :tenant_id AND order_id = :order_id LIMIT 1;

-- name: reword
-- Replaces the words of a message that waits to be sent.
UPDATE outgoing SET text = :text WHERE outgoing_id = :outgoing_id AND done_at IS NULL;
