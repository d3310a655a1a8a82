-- name: all
-- The discount rules of a shop, oldest first.
SELECT rule_id, name, rule, coupon, uses, active, created_at FROM discount_rules
WHERE tenant_id = :tenant_id
ORDER BY created_at, rule_id;

-- name: insert
-- Records a new discount rule.
INSERT INTO discount_rules (rule_id, tenant_id, name, rule, coupon, created_at)
VALUES (:rule_id, :tenant_id, :name, :rule, :coupon, :now_ms);

-- name: set_active
-- Puts a discount rule out of use, or into it again.
UPDATE discount_rules SET active = :active WHERE tenant_id = :tenant_id AND name = :name;

-- name: count_use
-- Counts a confirmed order that had a rule's discount, or one less; never below none.
UPDATE discount_rules SET uses = max(0, uses + :step)
WHERE tenant_id = :tenant_id AND rule_id = :rule_id;
