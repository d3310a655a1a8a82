-- Who the customers are, what they are known by, and everything that a shop holds on them.

-- name: current
-- The customer that an id means today: at the end of the merges that it went through.
WITH RECURSIVE chain (customer_id, merged_into) AS (
    SELECT customer_id, merged_into FROM customers
    WHERE tenant_id = :tenant_id AND customer_id = :customer_id
    UNION
    SELECT c.customer_id, c.merged_into FROM customers AS c
    JOIN chain ON c.customer_id = chain.merged_into
    WHERE c.tenant_id = :tenant_id
)
SELECT c.customer_id, c.name, c.language, c.tier, c.tax_preference, c.tax_number, c.address,
       c.postcode, c.transporter, c.opted_out_at
FROM chain JOIN customers AS c USING (customer_id)
WHERE chain.merged_into IS NULL;

-- name: row
-- A customer's row as it stands, merged into another or not.
SELECT customer_id, name, language, tier, tax_preference, tax_number, address, postcode,
       transporter, opted_out_at, merged_into, created_at, updated_at
FROM customers WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: by_alias
-- Whose alias it is.
SELECT c.customer_id, c.name, c.language, c.tier, c.tax_preference, c.tax_number, c.address,
       c.postcode, c.transporter, c.opted_out_at
FROM customer_aliases AS a JOIN customers AS c USING (tenant_id, customer_id)
WHERE a.tenant_id = :tenant_id AND a.kind = :kind AND a.value = :value;

-- name: aliases
-- What a customer is known by.
SELECT kind, value, created_at FROM customer_aliases
WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY kind, value;

-- name: family
-- A customer and everybody who was merged into them, directly or not.
WITH RECURSIVE merged (customer_id) AS (
    SELECT customer_id FROM customers
    WHERE tenant_id = :tenant_id AND customer_id = :customer_id
    UNION
    SELECT c.customer_id FROM customers AS c
    JOIN merged ON c.merged_into = merged.customer_id
    WHERE c.tenant_id = :tenant_id
)
SELECT customer_id FROM merged;

-- name: newest
-- A shop's customers, the one of whom something was learned last first; not those who were merged
-- into others or erased.
SELECT c.customer_id, c.name, c.language, c.tier, c.created_at, c.updated_at,
       (SELECT json_group_array(a.value) FROM customer_aliases AS a
        WHERE a.customer_id = c.customer_id) AS aliases,
       (SELECT count(*) FROM orders AS o
        WHERE o.tenant_id = c.tenant_id AND o.customer_id = c.customer_id) AS orders,
       count(*) OVER () AS customers
FROM customers AS c
WHERE c.tenant_id = :tenant_id AND c.merged_into IS NULL
  AND NOT EXISTS (
      SELECT 1 FROM customer_audit AS e
      WHERE e.tenant_id = c.tenant_id AND e.customer_id = c.customer_id AND e.action = 'erased'
  )
ORDER BY c.updated_at DESC, c.customer_id
LIMIT :most;

-- name: insert
-- Records a customer of whom nothing is known yet.
INSERT INTO customers (customer_id, tenant_id, created_at, updated_at)
VALUES (:customer_id, :tenant_id, :created_at, :updated_at);

-- name: update
-- Replaces what is remembered of a customer.
UPDATE customers
SET name = :name, language = :language, tier = :tier, tax_preference = :tax_preference,
    tax_number = :tax_number, address = :address, postcode = :postcode, transporter = :transporter,
    opted_out_at = :opted_out_at, updated_at = :now_ms
WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: set_merged
-- Says whom a customer was found to be; NULL: nobody else.
UPDATE customers SET merged_into = :merged_into, updated_at = :now_ms
WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: give_alias
-- Makes an alias a customer's, whosever it was.
INSERT INTO customer_aliases (tenant_id, kind, value, customer_id, created_at)
VALUES (:tenant_id, :kind, :value, :customer_id, :now_ms)
ON CONFLICT (tenant_id, kind, value) DO UPDATE SET customer_id = excluded.customer_id;

-- name: audit
-- Notes what was done to a customer's identity, and why.
INSERT INTO customer_audit (tenant_id, customer_id, at, action, data)
VALUES (:tenant_id, :customer_id, :now_ms, :action, :data);

-- name: audited
-- What was done to a customer's identity, oldest first.
SELECT id, customer_id, at, action, data FROM customer_audit
WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY id;

-- name: merges_of
-- The merges by which somebody became another, the newest first.
SELECT id, customer_id, data FROM customer_audit
WHERE tenant_id = :tenant_id AND action = 'merged' AND data ->> '$.other' = :other
ORDER BY id DESC;

-- name: cart
-- A customer's cart as it is stored, in the order in which it was filled.
SELECT product_id, quantity_milli, place, updated_at FROM cart_lines
WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY place, product_id;

-- name: clear_cart
-- Takes everything out of a customer's cart.
DELETE FROM cart_lines WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: put_in_cart
-- Puts a line into a customer's cart.
INSERT INTO cart_lines (tenant_id, customer_id, product_id, quantity_milli, place, updated_at)
VALUES (:tenant_id, :customer_id, :product_id, :quantity_milli, :place, :updated_at);

-- name: share_coupons
-- Gives a customer the coupons that another named.
INSERT INTO cart_coupons (tenant_id, customer_id, coupon)
SELECT tenant_id, :to_id, coupon FROM cart_coupons
WHERE tenant_id = :tenant_id AND customer_id = :from_id
ON CONFLICT DO NOTHING;

-- name: clear_coupons
-- Forgets the coupons that a customer named.
DELETE FROM cart_coupons WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: open_drafts
-- The open drafts of two customers, the older first.
SELECT draft_id FROM drafts
WHERE tenant_id = :tenant_id AND customer_id IN (:one_id, :other_id) AND state = 'open'
ORDER BY created_at, draft_id;

-- name: replace_draft
-- Ends an open draft in favour of another.
UPDATE drafts SET state = 'replaced', ended_at = :now_ms
WHERE tenant_id = :tenant_id AND draft_id = :draft_id AND state = 'open';

-- name: drafts
-- A customer's drafts, and the chats in which they were shown.
SELECT d.draft_id, t.chat
FROM drafts AS d LEFT JOIN turns AS t USING (tenant_id, turn_id)
WHERE d.tenant_id = :tenant_id AND d.customer_id = :customer_id
ORDER BY d.created_at, d.draft_id;

-- name: give_draft
-- Makes a draft another customer's.
UPDATE drafts SET customer_id = :customer_id
WHERE tenant_id = :tenant_id AND draft_id = :draft_id;

-- name: orders
-- A customer's orders, and the drafts that they came from.
SELECT order_id, draft_id FROM orders
WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY number;

-- name: give_order
-- Makes an order another customer's.
UPDATE orders SET customer_id = :customer_id
WHERE tenant_id = :tenant_id AND order_id = :order_id;

-- name: rules_naming
-- The discount rules that name a customer and not another.
SELECT rule_id FROM discount_rules
WHERE tenant_id = :tenant_id
  AND :customer_id IN (SELECT value FROM json_each(rule, '$.customers'))
  AND :other_id NOT IN (SELECT value FROM json_each(rule, '$.customers'))
ORDER BY rule_id;

-- name: name_in_rule
-- Names one more customer in a discount rule.
UPDATE discount_rules SET rule = json_insert(rule, '$.customers[#]', :customer_id)
WHERE tenant_id = :tenant_id AND rule_id = :rule_id;

-- name: unname_in_rule
-- Takes a customer out of a discount rule, as long as it names another: one that names nobody is
-- everybody's.
UPDATE discount_rules
SET rule = json_set(rule, '$.customers', json((
    SELECT json_group_array(value) FROM json_each(rule, '$.customers') WHERE value <> :customer_id
)))
WHERE tenant_id = :tenant_id AND rule_id = :rule_id
  AND EXISTS (SELECT 1 FROM json_each(rule, '$.customers') WHERE value <> :customer_id);

-- name: chats_like
-- The chats of a shop whose key contains a text.
SELECT account, chat FROM chats
WHERE tenant_id = :tenant_id AND instr(chat, :tail) > 0
ORDER BY account, chat;

-- name: messages_like
-- The messages that a shop received from somebody whose ids contain a text.
SELECT id, account, chat, participant, sender FROM messages
WHERE tenant_id = :tenant_id AND direction = 'in'
  AND (instr(sender, :tail) > 0 OR instr(participant, :tail) > 0)
ORDER BY id;

-- name: quarantined_like
-- The events of a shop's agents that nobody understood and that contain a text.
SELECT id, agent_id, event_id, type, code, reason, frame, received_at FROM quarantine
WHERE tenant_id = :tenant_id AND instr(frame, :tail) > 0
ORDER BY id;

-- name: chat
-- A chat's row.
SELECT account, chat, agent_id, name, mode, owner_wrote, paused_until, handed_over_at, disclosed_at
FROM chats WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: messages_of_chat
-- Everything that was said in a chat, in the order of its arrival.
SELECT id, wa_id, direction, author, kind, text, media, reply_to, sender, sent_at, received_at,
       state, state_at, error
FROM messages WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
ORDER BY id;

-- name: message
-- One message, wherever it stands.
SELECT account, chat, participant, wa_id, direction, author, kind, text, media, reply_to, sender,
       sent_at, received_at
FROM messages WHERE tenant_id = :tenant_id AND id = :id;

-- name: turns_of_chat
-- How the answers in a chat came about, oldest first.
SELECT turn_id, state, first_at, late, reason, reply, trace, answer, finished_at
FROM turns WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
ORDER BY first_at, turn_id;

-- name: outgoing_of_chat
-- What persons, and the shop by itself, had or have to say in a chat, oldest first.
SELECT kind, text, turn_id, order_id, due_at, created_at, done_at, outcome FROM outgoing
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
ORDER BY created_at, outgoing_id;

-- name: held_cart
-- What is in a customer's cart, by the names of the products.
SELECT p.sku, p.name, c.quantity_milli, c.updated_at
FROM cart_lines AS c JOIN products AS p USING (tenant_id, product_id)
WHERE c.tenant_id = :tenant_id AND c.customer_id = :customer_id
ORDER BY c.place;

-- name: held_coupons
-- The coupons that a customer named.
SELECT coupon FROM cart_coupons
WHERE tenant_id = :tenant_id AND customer_id = :customer_id ORDER BY coupon;

-- name: held_drafts
-- A customer's drafts, whole.
SELECT draft_id, state, turn_id, bill, delivery, total, created_at, expires_at, ended_at
FROM drafts WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY created_at, draft_id;

-- name: held_orders
-- A customer's orders, whole.
SELECT order_id, draft_id, order_no, state, paid_at, bill, delivery, total, created_at, updated_at
FROM orders WHERE tenant_id = :tenant_id AND customer_id = :customer_id
ORDER BY number;

-- name: held_history
-- What became of an order, oldest first.
SELECT at, from_state, to_state, actor FROM order_history
WHERE tenant_id = :tenant_id AND order_id = :order_id ORDER BY id;

-- name: held_papers
-- The papers of an order.
SELECT kind, account, chat, created_at, done_at, sha256 FROM order_papers
WHERE tenant_id = :tenant_id AND order_id = :order_id ORDER BY kind;

-- name: bury_chat
-- Keeps WhatsApp's own ids of a chat's messages, so that none comes back.
INSERT INTO erased_messages (tenant_id, account, wa_id)
SELECT tenant_id, account, wa_id FROM messages
WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat
ON CONFLICT DO NOTHING;

-- name: bury_message
-- Keeps WhatsApp's own id of a message, so that it does not come back.
INSERT INTO erased_messages (tenant_id, account, wa_id)
SELECT tenant_id, account, wa_id FROM messages WHERE tenant_id = :tenant_id AND id = :id
ON CONFLICT DO NOTHING;

-- name: erase_messages
-- Deletes all that was said in a chat.
DELETE FROM messages WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: erase_message
-- Deletes one message.
DELETE FROM messages WHERE tenant_id = :tenant_id AND id = :id;

-- name: erase_turns
-- Deletes the turns of a chat; an answer under way then has nothing to end.
DELETE FROM turns WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: erase_notices
-- Deletes what the operator was told of a chat.
DELETE FROM operator_notices
WHERE tenant_id = :tenant_id AND substr(subject, 1, length(:chat) + 1) = :chat || ' ';

-- name: erase_chat
-- Deletes a chat's row.
DELETE FROM chats WHERE tenant_id = :tenant_id AND account = :account AND chat = :chat;

-- name: empty_sends
-- Empties the orders to send something to a chat. The row keeps its place in the agent's log, so it
-- stays an order that can be read: one without words, to nobody, that expired long ago. An agent
-- that has yet to get it reports it as expired and does nothing else.
UPDATE down_events
SET data = json_object('account', :account, 'chat', 'erased@c.us', 'text', '',
                       'expires_at', '1970-01-01T00:00:00.000Z')
WHERE tenant_id = :tenant_id AND type = 'message.send'
  AND instr(data, :to_account) > 0 AND instr(data, :to_chat) > 0;

-- name: erase_quarantined
-- Deletes an event that nobody understood; its id stays known.
DELETE FROM quarantine WHERE tenant_id = :tenant_id AND id = :id;

-- name: erase_profile
-- Forgets what was remembered of a customer; the row stays for the orders that name it.
UPDATE customers
SET name = NULL, language = NULL, tier = NULL, tax_preference = NULL, tax_number = NULL,
    address = NULL, postcode = NULL, transporter = NULL, opted_out_at = NULL, updated_at = :now_ms
WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: erase_aliases
-- Forgets what a customer was known by.
DELETE FROM customer_aliases WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: erase_drafts
-- Deletes a customer's drafts.
DELETE FROM drafts WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: erase_delivery
-- Replaces where an order went by what the books need of it.
UPDATE orders SET delivery = :delivery WHERE tenant_id = :tenant_id AND order_id = :order_id;

-- name: erase_open_papers
-- Deletes the papers of an order that were not made yet: there is nobody to send them to.
DELETE FROM order_papers
WHERE tenant_id = :tenant_id AND order_id = :order_id AND done_at IS NULL;

-- name: erase_papers
-- Forgets to whom the papers of an order went, and the files themselves.
UPDATE order_papers SET chat = '', sha256 = NULL
WHERE tenant_id = :tenant_id AND order_id = :order_id;

-- name: erase_audit
-- Forgets the aliases in what was noted of a customer; what was done, and when, stays.
UPDATE customer_audit SET data = json_remove(data, '$.aliases')
WHERE tenant_id = :tenant_id AND customer_id = :customer_id;

-- name: erase_alias_in_audit
-- Forgets an alias in what was noted of others, who had it once.
UPDATE customer_audit
SET data = json_set(data, '$.aliases', json((
    SELECT json_group_array(json(value)) FROM json_each(data, '$.aliases')
    WHERE value ->> '$.value' <> :value
)))
WHERE tenant_id = :tenant_id
  AND EXISTS (SELECT 1 FROM json_each(data, '$.aliases') WHERE value ->> '$.value' = :value);

-- name: files_in_use
-- The files that a shop's messages and papers still refer to.
SELECT DISTINCT media ->> '$.sha256' AS sha256 FROM messages
WHERE tenant_id = :tenant_id AND media IS NOT NULL
UNION
SELECT sha256 FROM order_papers WHERE tenant_id = :tenant_id AND sha256 IS NOT NULL
UNION
SELECT iif(data = '', NULL, data ->> '$.media.sha256') FROM down_events
WHERE tenant_id = :tenant_id AND instr(data, '"sha256"') > 0;

-- name: overwrite
-- Lets this connection overwrite what it deletes with zeros.
PRAGMA secure_delete = ON;
