-- The hub's database, whole. `hub/store/migrations/` reaches this state from any earlier version;
-- a test compares both. Times are integer milliseconds UTC, money is integer minor units, booleans
-- are 0 or 1, ids are text. Every row carries its tenant.

-- ---------------------------------------------------------------- shops and who may speak for them

CREATE TABLE tenants (
    tenant_id       TEXT PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    mode            TEXT NOT NULL DEFAULT 'suggest' CHECK (mode IN ('off', 'suggest', 'auto')),
    contact_policy  TEXT NOT NULL DEFAULT 'chosen' CHECK (contact_policy IN ('unknown', 'chosen', 'everyone')),
    currency        TEXT NOT NULL DEFAULT 'INR',
    exponent        INTEGER NOT NULL DEFAULT 2 CHECK (exponent BETWEEN 0 AND 4),
    locale          TEXT NOT NULL DEFAULT 'en_IN',
    timezone        TEXT NOT NULL DEFAULT 'Asia/Kolkata',
    settings        TEXT NOT NULL DEFAULT '{}', -- JSON: every policy that has a default in code
    created_at      INTEGER NOT NULL
) STRICT;

-- Operators' keys for the HTTP API; without a tenant the key reaches all of them.
CREATE TABLE api_keys (
    key_hash    TEXT PRIMARY KEY, -- SHA-256, hex
    key_id      TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL UNIQUE,
    tenant_id   TEXT REFERENCES tenants (tenant_id),
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER
) STRICT;

CREATE TABLE pairing_codes (
    code_hash   TEXT PRIMARY KEY, -- SHA-256 of the normalised code, hex
    tenant_id   TEXT NOT NULL REFERENCES tenants (tenant_id),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER,
    agent_id    TEXT
) STRICT;

CREATE TABLE agents (
    agent_id        TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL REFERENCES tenants (tenant_id),
    name            TEXT NOT NULL, -- of the device, as it called itself when paired
    os              TEXT NOT NULL,
    version         TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    revoked_at      INTEGER
) STRICT;
CREATE INDEX agents_by_tenant ON agents (tenant_id);

-- At most one active and one candidate a agent: the candidate becomes active when first used.
CREATE TABLE agent_tokens (
    token_hash      TEXT PRIMARY KEY, -- SHA-256, hex
    tenant_id       TEXT NOT NULL,
    agent_id        TEXT NOT NULL REFERENCES agents (agent_id),
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    first_used_at   INTEGER,
    retired_at      INTEGER -- replaced by a newer token, or revoked
) STRICT;
CREATE INDEX agent_tokens_by_agent ON agent_tokens (agent_id);

-- ---------------------------------------------------------------- presence: the agent status table

CREATE TABLE agent_status (
    agent_id        TEXT PRIMARY KEY REFERENCES agents (agent_id),
    tenant_id       TEXT NOT NULL,
    status          TEXT NOT NULL DEFAULT 'offline'
                    CHECK (status IN ('unknown', 'online', 'degraded', 'lost', 'offline', 'blocked')),
    since           INTEGER NOT NULL,
    last_seen       INTEGER, -- last frame of the current generation
    generation      INTEGER NOT NULL DEFAULT 0, -- of the connection; every write is conditional on it
    connection_id   TEXT,
    instance_id     TEXT,
    conn_no         INTEGER,
    whatsapp        TEXT,
    account         TEXT,
    paused          INTEGER,
    outbox          INTEGER,
    inbox           INTEGER,
    blocked_until   INTEGER -- set while two instances of one agent are kept out
) STRICT;
CREATE INDEX agent_status_by_tenant ON agent_status (tenant_id);

CREATE TABLE agent_status_history (
    id              INTEGER PRIMARY KEY,
    tenant_id       TEXT NOT NULL,
    agent_id        TEXT NOT NULL,
    generation      INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    from_status     TEXT NOT NULL,
    to_status       TEXT NOT NULL,
    reason          TEXT NOT NULL -- one of presence.py's reasons
) STRICT;
CREATE INDEX agent_status_history_by_agent ON agent_status_history (agent_id, at);

CREATE TABLE agent_takeovers (
    id              INTEGER PRIMARY KEY,
    tenant_id       TEXT NOT NULL,
    agent_id        TEXT NOT NULL,
    at              INTEGER NOT NULL,
    winner          TEXT NOT NULL, -- instance_id
    loser           TEXT NOT NULL
) STRICT;
CREATE INDEX agent_takeovers_by_agent ON agent_takeovers (agent_id, at);

-- ---------------------------------------------------------------- the wire's two logs, hub's side

-- Where each agent's `up` log is committed to, per epoch.
CREATE TABLE up_positions (
    tenant_id   TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    epoch       TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    last_id     TEXT NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (agent_id, epoch)
) STRICT, WITHOUT ROWID;

-- Ids of all events ever taken from an agent: the guard against applying one twice. The content
-- of sound events lives in the tables that they changed.
CREATE TABLE up_events (
    tenant_id   TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    type        TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (agent_id, event_id)
) STRICT, WITHOUT ROWID;

-- Events that could be stored but not understood; `doctor` shows them.
CREATE TABLE quarantine (
    id          INTEGER PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    type        TEXT NOT NULL,
    code        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    frame       TEXT NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

-- What an agent said became of a command (a send's fate is on its `messages` row).
CREATE TABLE command_results (
    tenant_id   TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    ref         TEXT NOT NULL,
    state       TEXT NOT NULL,
    data        TEXT, -- JSON
    error       TEXT, -- JSON {code, message}
    received_at INTEGER NOT NULL,
    PRIMARY KEY (agent_id, ref)
) STRICT, WITHOUT ROWID;

CREATE TABLE down_logs (
    agent_id    TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    epoch       TEXT NOT NULL,
    acked       INTEGER NOT NULL DEFAULT 0, -- the newest place given is that of the newest row
    stamped     INTEGER NOT NULL DEFAULT 0 -- up to where `down_events.acked_at` is filled in
) STRICT;

-- One row per order to an agent. In the present epoch it has a seq; after a new epoch only rows
-- without a final result are renumbered, the others keep seq NULL.
CREATE TABLE down_events (
    tenant_id   TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    seq         INTEGER,
    type        TEXT NOT NULL,
    ts          INTEGER NOT NULL,
    data        TEXT NOT NULL, -- JSON as it goes over the wire
    result      TEXT, -- any recorded message.status or command.result state: final for requeueing
    acked_at    INTEGER, -- about when the agent took custody: filled in by housekeeping
    UNIQUE (agent_id, event_id)
) STRICT;
CREATE UNIQUE INDEX down_events_by_seq ON down_events (agent_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX down_events_unfinished ON down_events (agent_id) WHERE result IS NULL;

-- ---------------------------------------------------------------- conversations

CREATE TABLE chats (
    tenant_id       TEXT NOT NULL,
    account         TEXT NOT NULL,
    chat            TEXT NOT NULL,
    agent_id        TEXT NOT NULL, -- the one that wrote last
    name            TEXT,
    mode            TEXT CHECK (mode IN ('off', 'suggest', 'auto')), -- NULL: the tenant's
    owner_wrote     INTEGER NOT NULL DEFAULT 0, -- the owner has ever written here: a known contact
    paused_until    INTEGER, -- a person has the conversation until then
    handed_over_at  INTEGER,
    disclosed_at    INTEGER, -- when the customer was last told that replies are automatic
    PRIMARY KEY (tenant_id, account, chat)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    id              INTEGER PRIMARY KEY, -- rises with arrival
    tenant_id       TEXT NOT NULL,
    agent_id        TEXT NOT NULL,
    account         TEXT NOT NULL,
    chat            TEXT NOT NULL,
    participant     TEXT NOT NULL DEFAULT '',
    wa_id           TEXT NOT NULL,
    direction       TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    author          TEXT NOT NULL CHECK (author IN ('customer', 'owner', 'bot')),
    kind            TEXT NOT NULL,
    text            TEXT,
    media           TEXT, -- JSON
    reply_to        TEXT,
    sender          TEXT, -- JSON {id, phone, lid, name}
    sent_at         INTEGER NOT NULL,
    received_at     INTEGER NOT NULL,
    live            INTEGER NOT NULL DEFAULT 1,
    turn_id         TEXT, -- the turn that covers it, or that wrote it
    event_id        TEXT, -- of the message.send, when we wrote it
    state           TEXT, -- of what we wrote: queued, sent, delivered, read, failed, unknown, expired
    state_at        INTEGER,
    error           TEXT -- JSON {code, message}
) STRICT;
CREATE UNIQUE INDEX messages_natural_key ON messages (tenant_id, account, chat, participant, wa_id);
CREATE INDEX messages_by_chat ON messages (tenant_id, account, chat, id);
CREATE INDEX messages_own ON messages (tenant_id, wa_id) WHERE event_id IS NOT NULL;

-- At most one open turn (pending or running) per chat; a newer message raises its version.
CREATE TABLE turns (
    turn_id         TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL,
    agent_id        TEXT NOT NULL,
    account         TEXT NOT NULL,
    chat            TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN
                    ('pending', 'answered', 'suggested', 'waiting', 'dropped')),
    version         INTEGER NOT NULL DEFAULT 1,
    first_at        INTEGER NOT NULL, -- when its first message reached the hub
    due_at          INTEGER NOT NULL,
    late            INTEGER NOT NULL DEFAULT 0, -- opens with an apology for the delay
    reason          TEXT, -- why it waits for a person or was dropped
    reply           TEXT, -- the words that were suggested; sent ones stand in `messages`
    trace           TEXT, -- JSON: path, tool calls, latency
    answer          TEXT, -- JSON: of a suggested one, what else to do when it is sent
    finished_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX turns_open ON turns (tenant_id, account, chat) WHERE state = 'pending';
CREATE INDEX turns_waiting ON turns (tenant_id, account, chat)
    WHERE state IN ('suggested', 'waiting');

-- What bears on an open turn's answer raises its version: an answer to an earlier one has no effect.
CREATE TRIGGER chats_bear_on_turns
AFTER UPDATE OF mode, owner_wrote, paused_until, handed_over_at, disclosed_at ON chats
BEGIN
    UPDATE turns SET version = version + 1
    WHERE tenant_id = new.tenant_id AND account = new.account AND chat = new.chat
      AND state = 'pending';
END;

-- What a person or the shop itself has to say in a chat: written by a command, sent by the hub.
CREATE TABLE outgoing (
    outgoing_id     TEXT PRIMARY KEY, -- UUID; the id of the message.send that carries it
    tenant_id       TEXT NOT NULL,
    account         TEXT NOT NULL,
    chat            TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('operator', 'suggestion', 'order_update')),
    text            TEXT, -- NULL: the suggestion's own words
    turn_id         TEXT, -- the suggestion that was approved
    version         INTEGER, -- of that turn, as the operator saw it
    order_id        TEXT, -- the order that changed
    due_at          INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    done_at         INTEGER,
    outcome         TEXT -- ordered, or why it was not
) STRICT;
CREATE INDEX outgoing_open ON outgoing (due_at) WHERE done_at IS NULL;

-- Messages of people who were erased, by WhatsApp's own random ids alone: an agent that reports one
-- again finds it known, and its words stay away.
CREATE TABLE erased_messages (
    tenant_id       TEXT NOT NULL,
    account         TEXT NOT NULL,
    wa_id           TEXT NOT NULL,
    PRIMARY KEY (tenant_id, account, wa_id)
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- catalog

CREATE TABLE products (
    product_id          INTEGER PRIMARY KEY,
    tenant_id           TEXT NOT NULL REFERENCES tenants (tenant_id),
    sku                 TEXT NOT NULL,
    name                TEXT NOT NULL,
    description         TEXT NOT NULL DEFAULT '',
    category            TEXT NOT NULL DEFAULT '',
    aliases             TEXT NOT NULL DEFAULT '[]', -- JSON list of strings
    unit                TEXT NOT NULL DEFAULT 'piece',
    price               INTEGER NOT NULL CHECK (price >= 0),
    tax_pct             TEXT NOT NULL DEFAULT '0', -- decimal text
    hsn                 TEXT,
    stock_milli         INTEGER CHECK (stock_milli >= 0), -- thousandths; NULL: not counted
    min_milli           INTEGER NOT NULL DEFAULT 1000 CHECK (min_milli >= 1),
    step_milli          INTEGER NOT NULL DEFAULT 1000 CHECK (step_milli >= 1),
    packs               TEXT NOT NULL DEFAULT '{}', -- JSON {name: units}
    pieces_per_unit     INTEGER CHECK (pieces_per_unit >= 1),
    slabs               TEXT NOT NULL DEFAULT '[]', -- JSON [{min_qty, pct | unit_price}]
    image_url           TEXT,
    active              INTEGER NOT NULL DEFAULT 1,
    updated_at          INTEGER NOT NULL,
    UNIQUE (tenant_id, sku)
) STRICT;

-- What customers may call a product. The tokenizer keeps marks inside words, which Hindi needs.
CREATE VIRTUAL TABLE products_search USING fts5 (
    tenant_id UNINDEXED, sku, name, aliases, category, description,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'", prefix = '2 3'
);

-- The words in it, over all shops, and how many products have each: what a misspelt one may mean.
CREATE VIRTUAL TABLE products_terms USING fts5vocab (products_search, 'row');

-- ---------------------------------------------------------------- customers

CREATE TABLE customers (
    customer_id     TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL REFERENCES tenants (tenant_id),
    name            TEXT,
    language        TEXT, -- of the latest message that showed one
    tier            TEXT, -- what discount rules may ask for
    tax_preference  TEXT CHECK (tax_preference IN ('gst', 'none')), -- NULL: not asked yet
    tax_number      TEXT, -- the GSTIN, checked
    address         TEXT,
    postcode        TEXT,
    transporter     TEXT,
    opted_out_at    INTEGER,
    merged_into     TEXT, -- the customer that this one was found to be
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX customers_by_tenant ON customers (tenant_id);

-- What a customer is known by. Within a shop an alias is one customer's.
CREATE TABLE customer_aliases (
    tenant_id       TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('phone', 'lid', 'username')),
    value           TEXT NOT NULL, -- a phone in E.164
    customer_id     TEXT NOT NULL REFERENCES customers (customer_id),
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_aliases_by_customer ON customer_aliases (customer_id);

-- Who was made one with whom, or parted again, and why; and who was exported or erased.
CREATE TABLE customer_audit (
    id              INTEGER PRIMARY KEY,
    tenant_id       TEXT NOT NULL,
    customer_id     TEXT NOT NULL,
    at              INTEGER NOT NULL,
    action          TEXT NOT NULL CHECK (action IN ('merged', 'split', 'exported', 'erased')),
    data            TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX customer_audit_by_customer ON customer_audit (tenant_id, customer_id);

-- ---------------------------------------------------------------- carts, drafts, orders

CREATE TABLE cart_lines (
    tenant_id       TEXT NOT NULL,
    customer_id     TEXT NOT NULL REFERENCES customers (customer_id),
    product_id      INTEGER NOT NULL REFERENCES products (product_id),
    quantity_milli  INTEGER NOT NULL CHECK (quantity_milli > 0), -- thousandths of the unit
    place           INTEGER NOT NULL, -- lines in the order in which they were added
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, customer_id, product_id)
) STRICT, WITHOUT ROWID;

-- Coupons that a customer named for the cart; whether they count is asked at each quote.
CREATE TABLE cart_coupons (
    tenant_id       TEXT NOT NULL,
    customer_id     TEXT NOT NULL REFERENCES customers (customer_id),
    coupon          TEXT NOT NULL, -- in capitals
    PRIMARY KEY (tenant_id, customer_id, coupon)
) STRICT, WITHOUT ROWID;

-- An order as it was shown to the customer. At most one a customer is open.
CREATE TABLE drafts (
    draft_id        TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL,
    customer_id     TEXT NOT NULL REFERENCES customers (customer_id),
    state           TEXT NOT NULL CHECK (state IN ('open', 'ordered', 'declined', 'replaced', 'expired')),
    turn_id         TEXT NOT NULL, -- the turn whose reply showed it: a later one may say yes
    bill            TEXT NOT NULL, -- JSON: hub/commerce/bills.py
    delivery        TEXT NOT NULL, -- JSON: where to, how paid
    hash            TEXT NOT NULL, -- SHA-256 of bill and delivery, hex
    total           INTEGER NOT NULL CHECK (total >= 0),
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    ended_at        INTEGER
) STRICT;
CREATE UNIQUE INDEX drafts_open ON drafts (tenant_id, customer_id) WHERE state = 'open';
CREATE INDEX drafts_by_customer ON drafts (tenant_id, customer_id, created_at);

CREATE TABLE orders (
    order_id        TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL REFERENCES tenants (tenant_id),
    customer_id     TEXT NOT NULL REFERENCES customers (customer_id),
    draft_id        TEXT NOT NULL UNIQUE, -- once per draft
    number          INTEGER NOT NULL, -- per shop, from 1001
    order_no        TEXT NOT NULL, -- as people write it: A-1001
    state           TEXT NOT NULL CHECK (state IN
                    ('confirmed', 'packed', 'shipped', 'delivered', 'cancelled', 'returned')),
    paid_at         INTEGER,
    bill            TEXT NOT NULL, -- JSON, the draft's to the letter
    delivery        TEXT NOT NULL, -- JSON, with the tracking number once shipped
    total           INTEGER NOT NULL CHECK (total >= 0),
    cancel_turn_id  TEXT, -- the turn that asked whether to cancel it: a later one may say yes
    cancel_asked_at INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (tenant_id, number),
    UNIQUE (tenant_id, order_no)
) STRICT;
CREATE INDEX orders_by_customer ON orders (tenant_id, customer_id, created_at);

-- What an order took out of counted stock, and gives back when it is cancelled.
CREATE TABLE reservations (
    tenant_id       TEXT NOT NULL,
    order_id        TEXT NOT NULL REFERENCES orders (order_id),
    product_id      INTEGER NOT NULL REFERENCES products (product_id),
    quantity_milli  INTEGER NOT NULL CHECK (quantity_milli > 0),
    PRIMARY KEY (order_id, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE order_history (
    id              INTEGER PRIMARY KEY,
    tenant_id       TEXT NOT NULL,
    order_id        TEXT NOT NULL REFERENCES orders (order_id),
    at              INTEGER NOT NULL,
    from_state      TEXT,
    to_state        TEXT NOT NULL, -- an order's state, or 'paid'
    actor           TEXT NOT NULL CHECK (actor IN ('customer', 'operator', 'gateway'))
) STRICT;
CREATE INDEX order_history_by_order ON order_history (order_id);

CREATE TABLE discount_rules (
    rule_id         TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL REFERENCES tenants (tenant_id),
    name            TEXT NOT NULL,
    rule            TEXT NOT NULL, -- JSON: hub/commerce/discounts.py
    coupon          TEXT, -- in capitals; NULL: needs none
    uses            INTEGER NOT NULL DEFAULT 0, -- confirmed orders that had it
    active          INTEGER NOT NULL DEFAULT 1,
    created_at      INTEGER NOT NULL,
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, coupon)
) STRICT;

-- The papers of an order that are still to be made and sent, or were.
CREATE TABLE order_papers (
    tenant_id       TEXT NOT NULL,
    order_id        TEXT NOT NULL REFERENCES orders (order_id),
    kind            TEXT NOT NULL CHECK (kind IN ('invoice', 'payment_code')),
    account         TEXT NOT NULL,
    chat            TEXT NOT NULL,
    agent_id        TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    done_at         INTEGER,
    tries           INTEGER NOT NULL DEFAULT 0,
    sha256          TEXT, -- of the file, once made
    event_id        TEXT, -- of the message.send that carries it
    PRIMARY KEY (order_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_papers_open ON order_papers (created_at) WHERE done_at IS NULL;

-- ---------------------------------------------------------------- the model

-- What a shop's model used in a period of the shop's calendar (2026-11-22 or 2026-11), by customer
-- and, under '', all together. What is reserved for a call counts until its use is known; what a
-- crash left reserved stays counted.
CREATE TABLE model_spending (
    tenant_id       TEXT NOT NULL,
    period          TEXT NOT NULL,
    customer        TEXT NOT NULL,
    tokens          INTEGER NOT NULL DEFAULT 0,
    micros          INTEGER NOT NULL DEFAULT 0, -- millionths of the currency of the provider's bill
    refused         INTEGER NOT NULL DEFAULT 0, -- calls that a limit of this account kept from being made
    PRIMARY KEY (tenant_id, period, customer)
) STRICT, WITHOUT ROWID;

-- What the operator is to be told, once a subject. Without a tenant it is the hub's own.
CREATE TABLE operator_notices (
    id              INTEGER PRIMARY KEY,
    tenant_id       TEXT NOT NULL DEFAULT '',
    kind            TEXT NOT NULL, -- hub/store/operator_notices.py lists them
    subject         TEXT NOT NULL, -- what it is about: a limit and its period, a chat
    at              INTEGER NOT NULL,
    seen_at         INTEGER,
    UNIQUE (tenant_id, kind, subject)
) STRICT;
