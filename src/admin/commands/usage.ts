/** The operator's commands that look at usage. */
import { DAY_MS } from "../../platform/clock.ts"
import { listCacheHits } from "../../wallet/usage/cache-hits.ts"
import { type Command, integerOf } from "../command.ts"
import { findCustomer } from "./customers.ts"

const cache: Command = {
  name: "usage cache",
  summary: "Share of the input that came from prompt caches, by key and model",
  options: { "customer?": "id or e-mail", "days?": "number, 7 unless told", "limit?": "rows" },
  async run(needs, values) {
    const customer = values.customer === undefined ? undefined : await findCustomer(needs, values.customer)
    const hits = await listCacheHits(needs.store.read, {
      since: needs.clock.now() - integerOf(values, "days", 7) * DAY_MS,
      customer_id: customer?.id ?? null,
      limit: integerOf(values, "limit", 50),
    })
    return hits.map(one => ({
      customerId: one.customer_id,
      keyId: one.key_id,
      model: one.model,
      requestCount: one.request_count,
      inputTokens: one.input_tokens,
      cacheReadTokens: one.cache_read_tokens,
      cacheHitRate: one.cache_hit_rate,
    }))
  },
}

export const usageCommands: readonly Command[] = [cache]
