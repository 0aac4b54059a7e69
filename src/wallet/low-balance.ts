/** Tells customers when their credit runs low: once for each time it was loaded. */
import { type NoticeNeeds, notify } from "../notices/notify.ts"
import type { Query, Store } from "../platform/store.ts"
import { getBalances } from "./ledger/accounts.ts"
import { customerAccount } from "./ledger/chart.ts"
import { formatUsd, parseUsd } from "./ledger/nanos.ts"
import { getRule } from "./offers/rules.ts"

export interface LowBalanceNeeds extends NoticeNeeds {
  store: Store
}

export interface LowBalanceWatch {
  /** Looks at everybody who has spent since the last look; called by a job, so that no request waits for it. */
  look(): Promise<void>
}

/** Listens for requests that were charged. */
export function watchLowBalances(needs: LowBalanceNeeds): LowBalanceWatch {
  const spenders = new Set<string>()
  needs.events.listen(event => {
    if (event.name === "request-settled") spenders.add(event.data.customer_id)
  })
  return {
    async look() {
      for (const customer_id of [...spenders]) {
        spenders.delete(customer_id)
        try {
          await remind(needs, customer_id)
        } catch (error) {
          // The next look tries again; the others of this one are still waiting for theirs.
          spenders.add(customer_id)
          throw error
        }
      }
    },
  }
}

/** The index leaves out the kinds of the hot path, so its condition is repeated here. */
const LAST_LOADED = `SELECT id FROM ledger_transfer
  WHERE to_account = ? AND kind NOT IN ('hold', 'settle', 'release', 'overrun', 'loss')
  ORDER BY created_at DESC LIMIT 1`

async function remind(needs: LowBalanceNeeds, customer_id: string): Promise<void> {
  const { read } = needs.store
  const threshold = parseUsd((await getRule(read, "low-balance")).threshold_usd)!
  const { token } = await getBalances(read, customer_id)
  if (token >= threshold) return
  const key = `low-balance:${customer_id}:${await lastLoaded(read, customer_id)}`
  if (await read.get("SELECT 1 AS found FROM inbox_message WHERE key = ?", key)) return
  await needs.store.tx(q =>
    notify(q, needs, {
      customer_id,
      kind: "low-balance",
      key,
      subject: `Your credit is low: $${formatUsd(token)}`,
      body: `You have $${formatUsd(token)} of Token Wallet credit left. Requests that cost more are refused: top up to go on.`,
    }),
  )
}

const lastLoaded = async (q: Query, customer_id: string): Promise<string> =>
  (await q.get<{ id: string }>(LAST_LOADED, customerAccount(customer_id, "token")))?.id ?? "never"
