-- name: all
-- Every product of a shop, offered or not.
SELECT product_id, sku, name, description, category, aliases, unit, price, tax_pct, hsn,
       stock_milli, min_milli, step_milli, packs, pieces_per_unit, slabs, image_url, active
FROM products WHERE tenant_id = :tenant_id
ORDER BY sku;

-- name: some_offered
-- Some of the products that a shop offers, what is in stock first.
SELECT product_id, sku, name, description, category, aliases, unit, price, tax_pct, hsn,
       stock_milli, min_milli, step_milli, packs, pieces_per_unit, slabs, image_url, active
FROM products
WHERE tenant_id = :tenant_id AND active = 1 AND price > 0
ORDER BY CASE WHEN stock_milli = 0 THEN 1 ELSE 0 END, name LIMIT :most;

-- name: categories
-- The categories of a shop's offered products, the fullest first.
SELECT category, count(*) AS products FROM products
WHERE tenant_id = :tenant_id AND active = 1 AND price > 0 AND category <> ''
GROUP BY category ORDER BY products DESC, category
LIMIT 50;

-- name: versions
-- What tells whether a shop's catalog changed: when each product did, and its stock.
SELECT product_id, updated_at, stock_milli FROM products WHERE tenant_id = :tenant_id
ORDER BY product_id;

-- name: newest_id
-- The highest product number given so far, over all shops.
SELECT coalesce(max(product_id), 0) AS product_id FROM products;

-- name: insert
-- Records a new product.
INSERT INTO products
    (product_id, tenant_id, sku, name, description, category, aliases, unit, price, tax_pct, hsn,
     stock_milli, min_milli, step_milli, packs, pieces_per_unit, slabs, image_url, active,
     updated_at)
VALUES
    (:product_id, :tenant_id, :sku, :name, :description, :category, :aliases, :unit, :price,
     :tax_pct, :hsn, :stock_milli, :min_milli, :step_milli, :packs, :pieces_per_unit, :slabs,
     :image_url, :active, :updated_at);

-- name: update
-- Replaces what is known of a product.
UPDATE products
SET sku = :sku, name = :name, description = :description, category = :category,
    aliases = :aliases, unit = :unit, price = :price, tax_pct = :tax_pct, hsn = :hsn,
    stock_milli = :stock_milli, min_milli = :min_milli, step_milli = :step_milli, packs = :packs,
    pieces_per_unit = :pieces_per_unit, slabs = :slabs, image_url = :image_url, active = :active,
    updated_at = :updated_at
WHERE tenant_id = :tenant_id AND product_id = :product_id;

-- name: unindex
-- Takes a product out of the search.
DELETE FROM products_search WHERE rowid = :product_id;

-- name: index
-- Puts an offered product into the search, under the words of hub/commerce/words.py.
INSERT INTO products_search (rowid, tenant_id, sku, name, aliases, category, description)
VALUES (:product_id, :tenant_id, :sku, :name, :aliases, :category, :description);

-- name: candidates
-- The offered products of a shop that best match an FTS5 query, best first: a code weighs more
-- than a name, a name more than an alias. Ranked before the join, which would cost the most.
SELECT p.product_id, p.sku, p.name, p.description, p.category, p.aliases, p.unit, p.price,
       p.tax_pct, p.hsn, p.stock_milli, p.min_milli, p.step_milli, p.packs, p.pieces_per_unit,
       p.slabs, p.image_url, p.active
FROM (
    SELECT rowid AS product_id, bm25(products_search, 0.0, 10.0, 8.0, 6.0, 2.0) AS score
    FROM products_search
    WHERE products_search MATCH :match AND tenant_id = :tenant_id
    ORDER BY score
    LIMIT :most
) AS s
JOIN products AS p ON p.product_id = s.product_id
WHERE p.tenant_id = :tenant_id AND p.active = 1 AND p.price > 0
ORDER BY s.score;
