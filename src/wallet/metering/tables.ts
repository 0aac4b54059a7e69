/** The metered request: the open hold while it runs, the receipt when it has ended. */
import { bool, count, json, keyedBy, nanos, oneOf, string, table, time } from "../../../db/kit.ts"
import type { PricedAttempt } from "./receipt.ts"

/** Keyed by customer and id: a customer's receipts lie together, in the order of time. */
export const metered_request = table(
  "metered_request",
  {
    id: string().notNull(),
    customer_id: string().notNull(),
    key_id: string().notNull(),
    /** Which run of the server holds it while open; another run recovers it. */
    boot_id: string().notNull(),
    state: oneOf(["open", "settled", "released"]).notNull(),
    endpoint: string().notNull(),
    is_streamed: bool().notNull(),
    model_asked: string().notNull(),
    model_served: string().notNull(),
    rate_card_id: string().notNull(),
    tier_asked: string().notNull(),
    tier_served: string(),
    /** The route that answered, its upstream and the name it gave the model; null while none has. */
    route_id: string(),
    upstream_id: string(),
    upstream_model: string(),
    attempts: json<PricedAttempt[]>(),
    /** Held in all for this request; 0 once it has ended. */
    held_nanos: nanos().notNull(),
    hold_count: count().notNull(),
    estimated_input_tokens: count().notNull(),
    /** Output delivered when the last slice was held: what a restart settles by. */
    checkpoint_output_tokens: count().notNull(),
    input_tokens: count(),
    cache_read_tokens: count(),
    cache_write_5m_tokens: count(),
    cache_write_1h_tokens: count(),
    output_tokens: count(),
    reasoning_tokens: count(),
    web_search_count: count(),
    /** `reported` by the upstream, `estimated` from the delivered text, `none` when nothing was consumed. */
    usage_source: oneOf(["reported", "estimated", "none"]),
    /** Why the report was doubted, when it was. */
    usage_flag: string(),
    /** The price of the usage. */
    cost_nanos: nanos(),
    /** What the customer paid: the cost less the recorded loss. */
    charged_nanos: nanos(),
    loss_nanos: nanos(),
    end_reason: string(),
    first_output_ms: count(),
    duration_ms: count(),
    started_at: time().notNull(),
    ended_at: time(),
    /** What was left out of the request on its way to the upstream, in words; null when nothing was. */
    notes: json<string[]>(),
  },
  columns => [keyedBy({ columns: [columns.customer_id, columns.id] })],
)
