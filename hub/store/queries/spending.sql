-- name: one
-- What is counted on an account.
SELECT tokens, micros, refused FROM model_spending
WHERE tenant_id = :tenant_id AND period = :period AND customer = :customer;

-- name: add
-- Counts so much more on an account; less when it is negative.
INSERT INTO model_spending (tenant_id, period, customer, tokens, micros)
VALUES (:tenant_id, :period, :customer, :tokens, :micros)
ON CONFLICT (tenant_id, period, customer) DO UPDATE
SET tokens = tokens + excluded.tokens, micros = micros + excluded.micros;

-- name: refuse
-- Counts a call that an account's limit kept from being made.
INSERT INTO model_spending (tenant_id, period, customer, refused)
VALUES (:tenant_id, :period, :customer, 1)
ON CONFLICT (tenant_id, period, customer) DO UPDATE SET refused = refused + 1;

-- name: customers
-- How many of a shop's customers used the model in a period, the most that one of them used, and how
-- many reached their own limit; zeros when it was long ago.
SELECT count(*) AS customers, ifnull(max(tokens), 0) AS tokens, ifnull(sum(refused > 0), 0) AS stopped
FROM model_spending
WHERE tenant_id = :tenant_id AND period = :period AND customer <> '';

-- name: prune_customers
-- Deletes what single customers used before a period.
DELETE FROM model_spending
WHERE tenant_id IN (SELECT tenant_id FROM tenants) AND period < :period AND customer <> '';

-- name: prune
-- Deletes what was used before a period.
DELETE FROM model_spending
WHERE tenant_id IN (SELECT tenant_id FROM tenants) AND period < :period;
