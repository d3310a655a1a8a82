-- name: next_number
-- The number that a shop's next order gets.
SELECT coalesce(max(number), 1000) + 1 AS number FROM orders WHERE tenant_id = :tenant_id;

-- name: insert
-- Records a confirmed order.
INSERT INTO orders
    (order_id, tenant_id, customer_id, draft_id, number, order_no, state, bill, delivery, total,
     created_at, updated_at)
VALUES
    (:order_id, :tenant_id, :customer_id, :draft_id, :number, :order_no, 'confirmed', :bill,
     :delivery, :total, :now_ms, :now_ms);

-- name: one
-- One order of a shop.
SELECT order_id, customer_id, draft_id, order_no, state, paid_at, bill, delivery, total,
       cancel_turn_id, cancel_asked_at, created_at, updated_at
FROM orders WHERE tenant_id = :tenant_id AND order_id = :order_id;

-- name: by_draft
-- The order that a draft became.
SELECT order_id, customer_id, draft_id, order_no, state, paid_at, bill, delivery, total,
       cancel_turn_id, cancel_asked_at, created_at, updated_at
FROM orders WHERE tenant_id = :tenant_id AND draft_id = :draft_id;

-- name: by_number
-- The order of a shop that has a number; of one customer or of any.
SELECT order_id, customer_id, draft_id, order_no, state, paid_at, bill, delivery, total,
       cancel_turn_id, cancel_asked_at, created_at, updated_at
FROM orders
WHERE tenant_id = :tenant_id AND number = :number
  AND (:customer_id IS NULL OR customer_id = :customer_id);

-- name: newest
-- A customer's orders, the newest first.
SELECT order_id, customer_id, draft_id, order_no, state, paid_at, bill, delivery, total,
       cancel_turn_id, cancel_asked_at, created_at, updated_at
FROM orders WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY number DESC LIMIT :most;

-- name: newest_standing
-- A customer's newest order that was neither called off nor returned.
SELECT order_id, customer_id, draft_id, order_no, state, paid_at, bill, delivery, total,
       cancel_turn_id, cancel_asked_at, created_at, updated_at
FROM orders
WHERE tenant_id = :tenant_id AND customer_id = :customer_id
  AND state NOT IN ('cancelled', 'returned')
ORDER BY number DESC LIMIT 1;

-- name: list
-- A shop's orders, the newest first; of one state or of all, of one customer or of all.
SELECT order_id, customer_id, draft_id, order_no, state, paid_at, bill, delivery, total,
       cancel_turn_id, cancel_asked_at, created_at, updated_at
FROM orders
WHERE tenant_id = :tenant_id AND (:state IS NULL OR state = :state)
  AND (:customer_id IS NULL OR customer_id = :customer_id)
ORDER BY number DESC LIMIT :most;

-- name: cancelling
-- The order about which a customer was asked whether to cancel it.
SELECT order_id, customer_id, draft_id, order_no, state, paid_at, bill, delivery, total,
       cancel_turn_id, cancel_asked_at, created_at, updated_at
FROM orders
WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND cancel_turn_id IS NOT NULL
ORDER BY cancel_asked_at DESC LIMIT 1;

-- name: ask_cancel
-- Notes that a customer was asked whether to cancel an order.
UPDATE orders SET cancel_turn_id = :turn_id, cancel_asked_at = :now_ms
WHERE tenant_id = :tenant_id AND order_id = :order_id;

-- name: forget_cancel
-- Withdraws the question whether to cancel an order of a customer.
UPDATE orders SET cancel_turn_id = NULL, cancel_asked_at = NULL
WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND cancel_turn_id IS NOT NULL;

-- name: move
-- Takes an order from one state to another, once.
UPDATE orders
SET state = :to_state, updated_at = :now_ms, cancel_turn_id = NULL, cancel_asked_at = NULL
WHERE tenant_id = :tenant_id AND order_id = :order_id AND state = :from_state;

-- name: pay
-- Notes that an order was paid, once.
UPDATE orders SET paid_at = :now_ms, updated_at = :now_ms
WHERE tenant_id = :tenant_id AND order_id = :order_id AND paid_at IS NULL;

-- name: set_delivery
-- Replaces where an order goes and how it is tracked.
UPDATE orders SET delivery = :delivery, updated_at = :now_ms
WHERE tenant_id = :tenant_id AND order_id = :order_id;

-- name: record
-- Keeps who changed an order, and when.
INSERT INTO order_history (tenant_id, order_id, at, from_state, to_state, actor)
VALUES (:tenant_id, :order_id, :now_ms, :from_state, :to_state, :actor);

-- name: history
-- What became of an order, oldest first.
SELECT at, from_state, to_state, actor FROM order_history
WHERE tenant_id = :tenant_id AND order_id = :order_id
ORDER BY id;

-- name: take_stock
-- Takes units of a product off the shelf; a stock below zero breaks the table's rule.
UPDATE products SET stock_milli = stock_milli - :quantity_milli
WHERE tenant_id = :tenant_id AND product_id = :product_id;

-- name: reserve
-- Keeps what an order took off the shelf.
INSERT INTO reservations (tenant_id, order_id, product_id, quantity_milli)
VALUES (:tenant_id, :order_id, :product_id, :quantity_milli);

-- name: give_stock_back
-- Puts what an order took back on the shelf, where it is still counted.
UPDATE products
SET stock_milli = stock_milli + (
    SELECT r.quantity_milli FROM reservations AS r
    WHERE r.order_id = :order_id AND r.product_id = products.product_id
)
WHERE tenant_id = :tenant_id AND product_id IN (
    SELECT r.product_id FROM reservations AS r
    WHERE r.tenant_id = :tenant_id AND r.order_id = :order_id
);

-- name: products_named
-- The products of a shop with the SKUs of a JSON list, in any letter case.
SELECT p.product_id, p.sku, p.name, p.description, p.category, p.aliases, p.unit, p.price,
       p.tax_pct, p.hsn, p.stock_milli, p.min_milli, p.step_milli, p.packs, p.pieces_per_unit,
       p.slabs, p.image_url, p.active
FROM products AS p
WHERE p.tenant_id = :tenant_id
  AND p.sku COLLATE NOCASE IN (SELECT value FROM json_each(:skus));

-- name: queue_paper
-- Asks for a paper of an order, to be sent to the chat in which it was placed.
INSERT INTO order_papers (tenant_id, order_id, kind, account, chat, agent_id, created_at)
VALUES (:tenant_id, :order_id, :kind, :account, :chat, :agent_id, :now_ms)
ON CONFLICT DO NOTHING;
