-- What an evaluation of the assistant sets up and looks at, in a database of its own.

-- name: renumber
-- Gives an order the number under which the evaluation's dialogues speak of it.
UPDATE orders SET number = :number, order_no = :order_no
WHERE tenant_id = :tenant_id AND order_id = :order_id;

-- name: set_price
-- Changes what a product costs, as its owner would between two messages.
UPDATE products SET price = :price WHERE tenant_id = :tenant_id AND sku = :sku;

-- name: set_stock
-- Changes how much of a product is there.
UPDATE products SET stock_milli = :stock_milli WHERE tenant_id = :tenant_id AND sku = :sku;

-- name: replies
-- What the bot said since a message, in whichever chat, oldest first.
SELECT id, tenant_id, chat, text FROM messages
WHERE author = 'bot' AND kind = 'text' AND id > :after
ORDER BY id;

-- name: turns
-- The turns of a chat that came to an end, oldest first.
SELECT turn_id, state, reason, trace, finished_at FROM turns
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat AND state <> 'pending'
ORDER BY first_at, rowid;

-- name: foreign
-- What carts, drafts and orders of everybody else hold.
SELECT 'cart' AS kind, customer_id, product_id || '' AS what, quantity_milli || '' AS how
FROM cart_lines WHERE customer_id <> :customer_id
UNION ALL
SELECT 'draft', customer_id, draft_id, state FROM drafts WHERE customer_id <> :customer_id
UNION ALL
SELECT 'order', customer_id, order_id, state || coalesce(paid_at, '') FROM orders
WHERE customer_id <> :customer_id
ORDER BY 1, 2, 3, 4;
