-- name: insert
-- Records a new shop.
INSERT INTO tenants
    (tenant_id, name, mode, contact_policy, currency, exponent, locale, timezone, created_at)
VALUES
    (:tenant_id, :name, :mode, :contact_policy, :currency, :exponent, :locale, :timezone, :created_at);

-- name: by_id
-- One shop with its rules.
SELECT tenant_id, name, mode, contact_policy, currency, exponent, locale, timezone, settings, created_at
FROM tenants WHERE tenant_id = :tenant_id;

-- name: named
-- The shop with this id or name; an id comes before a name.
SELECT tenant_id, name, mode, contact_policy, currency, exponent, locale, timezone, settings, created_at
FROM tenants WHERE tenant_id = :ref OR name = :ref
ORDER BY tenant_id = :ref DESC LIMIT 1;

-- name: all
-- Every shop, oldest first, with the number of its products.
SELECT t.tenant_id, t.name, t.mode, t.contact_policy, t.currency, t.exponent, t.locale, t.timezone,
       t.settings, t.created_at,
       (SELECT count(*) FROM products AS p WHERE p.tenant_id = t.tenant_id) AS products
FROM tenants AS t
ORDER BY t.created_at, t.tenant_id;

-- name: update
-- Replaces a shop's rules.
UPDATE tenants
SET name = :name, mode = :mode, contact_policy = :contact_policy, currency = :currency,
    exponent = :exponent, locale = :locale, timezone = :timezone, settings = :settings
WHERE tenant_id = :tenant_id;

-- name: count_products
-- How many products a shop has, offered or not.
SELECT count(*) AS products FROM products WHERE tenant_id = :tenant_id;
