/** Books of any size with paid packages and requests of every kind, made by SQL in one transaction: what verify-ledger and the bench read. */
import { Database } from "bun:sqlite"
import { migrateDatabase } from "../../db/migrate.ts"

export interface BooksSize {
  customer_count: number
  /** How many transfers there are to be; a few more or less are made, because a request has two to four. */
  transfer_count: number
}

/** The requests are spread evenly over so many days before the end. */
const DAYS = 60
const DAY_MS = 86_400_000
/** Twenty requests after one another are of these kinds, and move so much altogether. */
const TRANSFERS_PER_TWENTY = 2 + 4 + 3 + 4 + 16 * 3
/** What every customer has bought at the start: a dollar's worth; no request takes more than 3,500 nano-USD. */
const CREDIT_NANOS = 1_000_000_000
const TRANSFERS_PER_CUSTOMER = 2

const FEWEST_REQUESTS = 20

/** How many requests make up that many transfers. */
export const requestCountOf = ({ customer_count, transfer_count }: BooksSize): number =>
  Math.max(
    FEWEST_REQUESTS,
    Math.round(((transfer_count - TRANSFERS_PER_CUSTOMER * customer_count) / TRANSFERS_PER_TWENTY) * 20),
  )

/**
 * Writes a file that obeys every law, sorted by primary key so that it takes about 2 µs a row. Until it is whole it has
 * another name: what was interrupted is not taken for a file.
 */
export function makeBooks(path: string, size: BooksSize & { end_at: number }): void {
  const database = new Database(path, { create: true })
  database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144")
  database.exec("PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF")
  migrateDatabase(database, "main")
  const request_count = requestCountOf(size)
  const start_at = size.end_at - DAYS * DAY_MS
  const numbers = {
    $customers: size.customer_count,
    $requests: request_count,
    $start: start_at,
    $step: Math.floor((DAYS * DAY_MS) / request_count),
  }
  database.exec("BEGIN")
  database.exec(TEMPORARY)
  for (const statement of STATEMENTS) database.query(statement).run(pick(statement, numbers))
  database.exec("COMMIT")
  database.close()
}

/** Only what a statement names: binding more is refused. */
const pick = (statement: string, numbers: Record<string, number>) =>
  Object.fromEntries(Object.entries(numbers).filter(([name]) => statement.includes(name)))

/** Request number n: what it used, held, and how it ended. */
const TEMPORARY = `
  CREATE TEMP TABLE part (suffix TEXT, kind TEXT, ordinal INTEGER PRIMARY KEY);
  INSERT INTO part VALUES ('hold:0', 'hold', 1), ('hold:1', 'hold', 2), ('loss', 'loss', 3),
    ('overrun', 'overrun', 4), ('release', 'release', 5), ('settle', 'settle', 6);
  CREATE TEMP TABLE sort (ordinal INTEGER PRIMARY KEY, output INTEGER, held INTEGER, loss INTEGER);
  INSERT INTO sort VALUES (0, NULL, 2000, 0), (1, 250, 4000, 0), (2, 150, 2000, 0), (3, 150, 2000, 200);`

const NUMBERED = (name: string, bound: string) =>
  `${name}(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM ${name} WHERE n + 1 < ${bound})`

export const customerId = (n: number): string => `cus_01k${String(n).padStart(23, "0")}`
export const requestId = (n: number): string => `req_01k${String(n).padStart(23, "0")}`
const CUSTOMER = (n: string) => `printf('cus_01k%023d', ${n})`
const PURCHASE = (n: string) => `printf('ord_01k%023d', ${n})`
const INTENT = (n: string) => `printf('pi_made%08d', ${n})`
const REQUEST = (n: string) => `printf('req_01k%023d', ${n})`

/** The figures of request n; rates are 1 nano a token of input, of which each has 1,000, and 10 a token of output. */
const FIGURES = `SELECT r.n AS n, r.n % $customers AS customer, $start + r.n * $step AS at,
    s.ordinal IS 0 AS is_released, coalesce(s.held, 2000) AS held, coalesce(s.loss, 0) AS loss,
    CASE WHEN s.ordinal IS 0 THEN 0 ELSE coalesce(s.output, r.n % 97) END AS output,
    CASE WHEN s.ordinal IS 0 THEN 0 ELSE 1000 + 10 * coalesce(s.output, r.n % 97) END AS cost
  FROM request r LEFT JOIN sort s ON s.ordinal = r.n % 20`

const STATEMENTS = [
  `INSERT INTO rate_card (id, model_id, version, input_rate, cache_read_rate, cache_write_5m_rate, cache_write_1h_rate,
     output_rate, web_search_rate, tier_multipliers, source, created_at)
   VALUES ('rc_made', 'made', 1, 1000, 100, 1250, 2000, 10000, 0, '{}', 'made', 0)`,
  `WITH RECURSIVE ${NUMBERED("customer_number", "$customers")}
   INSERT INTO customer (id, email, password_hash, status, created_at)
   SELECT ${CUSTOMER("n")}, printf('customer%08d@example.com', n), 'none', 'active', $start FROM customer_number`,
  `WITH RECURSIVE ${NUMBERED("customer_number", "$customers")}
   INSERT INTO api_key (id, customer_id, kind, name, hint, token_hash, created_at)
   SELECT printf('key_01k%023d', n), ${CUSTOMER("n")}, 'user', 'made', 'cxk_…', printf('made%060d', n), $start
   FROM customer_number`,
  `WITH RECURSIVE ${NUMBERED("request", "$requests")}, figure AS (${FIGURES}),
     moved AS (SELECT n, customer, at, p.kind AS kind, p.suffix AS suffix, p.ordinal AS ordinal,
       CASE p.suffix WHEN 'hold:0' THEN min(held, 2000) WHEN 'hold:1' THEN held - 2000 WHEN 'loss' THEN loss
         WHEN 'overrun' THEN max(cost - held, 0) - loss WHEN 'release' THEN max(held - cost, 0)
         ELSE min(held, cost) END AS nanos
       FROM figure CROSS JOIN part p)
   INSERT INTO ledger_transfer (id, group_id, kind, ledger, from_account, to_account, amount_nanos, ref, actor,
     event_at, created_at)
   SELECT ${REQUEST("n")} || ':' || suffix, ${REQUEST("n")}, kind, 'token',
     CASE WHEN kind IN ('hold', 'overrun') THEN ${CUSTOMER("customer")} || '/token'
       WHEN kind = 'loss' THEN 'system/loss_overrun' ELSE ${CUSTOMER("customer")} || '/token_held' END,
     CASE kind WHEN 'hold' THEN ${CUSTOMER("customer")} || '/token_held'
       WHEN 'release' THEN ${CUSTOMER("customer")} || '/token' ELSE 'system/revenue_usage' END,
     nanos, iif(kind = 'hold', 'made', ''), 'system', at, at
   FROM moved WHERE nanos > 0`,
  // Their credit: a package that was paid for; these ids come after those of requests.
  `WITH RECURSIVE ${NUMBERED("customer_number", "$customers")},
     leg(suffix, kind, ledger, giver) AS (VALUES ('', 'package_payment', 'cash', 'system/stripe'),
       (':credit', 'package_credit', 'token', 'system/issue_package'))
   INSERT INTO ledger_transfer (id, group_id, kind, ledger, from_account, to_account, amount_nanos, ref, actor,
     event_at, created_at)
   SELECT 'stripe:pi:' || ${INTENT("n")} || suffix, ${PURCHASE("n")}, l.kind, l.ledger, l.giver,
     iif(l.ledger = 'cash', 'system/sales_package', ${CUSTOMER("n")} || '/token'), ${CREDIT_NANOS}, 'made', 'stripe',
     $start, $start
   FROM customer_number CROSS JOIN leg l`,
  `WITH RECURSIVE ${NUMBERED("customer_number", "$customers")}
   INSERT INTO purchase (id, customer_id, kind, package_id, price_cents, credit_nanos, bonus_nanos, vip_days, state,
     is_live, stripe_session_id, stripe_payment_intent, created_at, paid_at)
   SELECT ${PURCHASE("n")}, ${CUSTOMER("n")}, 'package', 'made', ${CREDIT_NANOS / 10_000_000}, ${CREDIT_NANOS}, 0, 0,
     'paid', 1, printf('cs_made%08d', n), ${INTENT("n")}, $start, $start
   FROM customer_number`,
  // By customer and then by request, as the table is kept.
  `WITH RECURSIVE ${NUMBERED("customer_number", "$customers")},
     round(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM round WHERE (k + 1) * $customers < $requests),
     request(n) AS (SELECT c.n + k * $customers FROM customer_number c CROSS JOIN round
       WHERE c.n + k * $customers < $requests),
     figure AS (${FIGURES})
   INSERT INTO metered_request (id, customer_id, key_id, boot_id, state, endpoint, is_streamed, model_asked,
     model_served, rate_card_id, tier_asked, tier_served, attempts, held_nanos, hold_count, estimated_input_tokens,
     checkpoint_output_tokens, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
     output_tokens, reasoning_tokens, web_search_count, usage_source, cost_nanos, charged_nanos, loss_nanos,
     end_reason, first_output_ms, duration_ms, started_at, ended_at)
   SELECT ${REQUEST("n")}, ${CUSTOMER("customer")}, printf('key_01k%023d', customer), 'boot_made',
     iif(is_released, 'released', 'settled'), '/v1/responses', 1, 'made', 'made', 'rc_made', 'default', 'default',
     '[]', 0, iif(held > 2000, 2, 1), 1000, 0, iif(is_released, 0, 1000), 0, 0, 0, output, 0, 0,
     iif(is_released, 'none', 'reported'), cost, cost - loss, loss, iif(is_released, 'unreachable', 'completed'), 9,
     50, at, at
   FROM figure`,
  `WITH RECURSIVE ${NUMBERED("customer_number", "$customers")},
     spent AS MATERIALIZED (SELECT customer_id, sum(charged_nanos) AS nanos FROM metered_request GROUP BY customer_id),
     kind(name, ledger) AS (VALUES ('cash', 'cash'), ('cash_debt', 'cash'), ('referral_pending', 'cash'),
       ('token', 'token'), ('token_held', 'token'))
   INSERT INTO ledger_account (id, customer_id, kind, ledger, balance_nanos, floor_nanos, is_frozen)
   SELECT ${CUSTOMER("n")} || '/' || k.name, ${CUSTOMER("n")}, k.name, k.ledger,
     iif(k.name = 'token', ${CREDIT_NANOS} - coalesce(s.nanos, 0), 0), 0, 0
   FROM customer_number c CROSS JOIN kind k LEFT JOIN spent s ON s.customer_id = ${CUSTOMER("n")}`,
]
