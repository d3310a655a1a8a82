-- name: all
-- Every product of a shop, offered or not.
SELECT product_id, sku, name, description, category, aliases, unit, price, tax_pct, hsn, stock,
       min_qty, step, packs, pieces_per_unit, slabs, active
FROM products WHERE tenant_id = :tenant_id
ORDER BY sku;

-- name: newest_id
-- The highest product number given so far, over all shops.
SELECT coalesce(max(product_id), 0) AS product_id FROM products;

-- name: insert
-- Records a new product.
INSERT INTO products
    (product_id, tenant_id, sku, name, description, category, aliases, unit, price, tax_pct, hsn,
     stock, min_qty, step, packs, pieces_per_unit, slabs, active, updated_at)
VALUES
    (:product_id, :tenant_id, :sku, :name, :description, :category, :aliases, :unit, :price,
     :tax_pct, :hsn, :stock, :min_qty, :step, :packs, :pieces_per_unit, :slabs, :active,
     :updated_at);

-- name: update
-- Replaces what is known of a product.
UPDATE products
SET sku = :sku, name = :name, description = :description, category = :category,
    aliases = :aliases, unit = :unit, price = :price, tax_pct = :tax_pct, hsn = :hsn,
    stock = :stock, min_qty = :min_qty, step = :step, packs = :packs,
    pieces_per_unit = :pieces_per_unit, slabs = :slabs, active = :active, updated_at = :updated_at
WHERE tenant_id = :tenant_id AND product_id = :product_id;

-- name: unindex
-- Takes a product out of the search.
DELETE FROM products_search WHERE rowid = :product_id;

-- name: index
-- Puts a product into the search, under the words of hub/commerce/words.py.
INSERT INTO products_search (rowid, tenant_id, sku, name, aliases, category, description)
VALUES (:product_id, :tenant_id, :sku, :name, :aliases, :category, :description);

-- name: candidates
-- The offered products of a shop that best match an FTS5 query, best first: a code weighs more
-- than a name, a name more than an alias, a description least.
SELECT p.product_id, p.sku, p.name, p.description, p.category, p.aliases, p.unit, p.price,
       p.tax_pct, p.hsn, p.stock, p.min_qty, p.step, p.packs, p.pieces_per_unit, p.slabs, p.active
FROM products_search AS s
JOIN products AS p ON p.product_id = s.rowid
WHERE products_search MATCH :match AND s.tenant_id = :tenant_id
  AND p.tenant_id = :tenant_id AND p.active = 1 AND p.price > 0
ORDER BY bm25(products_search, 0.0, 10.0, 8.0, 6.0, 2.0, 1.0)
LIMIT :most;
