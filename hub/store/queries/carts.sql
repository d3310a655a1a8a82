-- name: lines
-- What is in a customer's cart, in the order in which it was added, with the products as they are.
SELECT p.product_id, p.sku, p.name, p.description, p.category, p.aliases, p.unit, p.price,
       p.tax_pct, p.hsn, p.stock_milli, p.min_milli, p.step_milli, p.packs, p.pieces_per_unit,
       p.slabs, p.image_url, p.active, c.quantity_milli
FROM cart_lines AS c JOIN products AS p USING (tenant_id, product_id)
WHERE c.tenant_id = :tenant_id AND c.customer_id = :customer_id
ORDER BY c.place;

-- name: coupons
-- The coupons that a customer named for the cart.
SELECT coupon FROM cart_coupons
WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY coupon;

-- name: clear_lines
-- Takes everything out of a customer's cart.
DELETE FROM cart_lines WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: clear_coupons
-- Forgets the coupons of a customer's cart.
DELETE FROM cart_coupons WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: insert_line
-- Puts a line into a customer's cart.
INSERT INTO cart_lines (tenant_id, customer_id, product_id, quantity_milli, place, updated_at)
VALUES (:tenant_id, :customer_id, :product_id, :quantity_milli, :place, :now_ms);

-- name: insert_coupon
-- Notes a coupon for a customer's cart.
INSERT INTO cart_coupons (tenant_id, customer_id, coupon)
VALUES (:tenant_id, :customer_id, :coupon);
