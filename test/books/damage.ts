/** Ten kinds of damage to made books, each written so that as little as possible shows it, and the law that finds it. */
import { requestId } from "./made-books.ts"

export interface Damage {
  name: string
  /** How the report of the law that must find it begins. */
  law: string
  /** Run without triggers and checks. */
  sql: string[]
}

/** A request that settled for less than it had held, see made-books.ts. */
const SETTLED = requestId(24)
const RETURNED = `${SETTLED}:release`
/** A purchase of a customer to whom nothing else happened, and who bought it. */
const PAYMENT =
  "(SELECT max(id) FROM ledger_transfer WHERE kind = 'package_payment' AND actor = 'stripe' AND ref = 'made')"
const OF_PAYMENT =
  "(SELECT max(to_account) FROM ledger_transfer WHERE kind = 'package_credit' AND ref = 'made')"
const COLUMNS = "kind, ledger, from_account, to_account, amount_nanos, ref, actor, event_at, created_at"

const balance = (account: string, change: string) =>
  `UPDATE ledger_account SET balance_nanos = balance_nanos + ${change} WHERE id = ${account}`
const amountOf = (transfer: string) => `(SELECT amount_nanos FROM ledger_transfer WHERE id = ${transfer})`
const partyOf = (side: "from_account" | "to_account", transfer: string) =>
  `(SELECT ${side} FROM ledger_transfer WHERE id = ${transfer})`

const CLAIM = "(SELECT min(id) FROM reward_claim WHERE rule = 'check-in')"

export const DAMAGE: readonly Damage[] = [
  {
    name: "the amount of a transfer was changed",
    law: "2 each cached balance",
    sql: [`UPDATE ledger_transfer SET amount_nanos = amount_nanos + 1 WHERE id = '${SETTLED}:settle'`],
  },
  {
    name: "a transfer was deleted, and the balances with it",
    law: "4 an ended request",
    sql: [
      balance(partyOf("from_account", `'${RETURNED}'`), amountOf(`'${RETURNED}'`)),
      balance(partyOf("to_account", `'${RETURNED}'`), `- ${amountOf(`'${RETURNED}'`)}`),
      `DELETE FROM ledger_transfer WHERE id = '${RETURNED}'`,
    ],
  },
  {
    name: "a transfer was repeated under another id, and the balance with it",
    law: "5 each reward",
    sql: [
      balance(partyOf("to_account", CLAIM), amountOf(CLAIM)),
      `INSERT INTO ledger_transfer (id, group_id, ${COLUMNS})
       SELECT id || ':2', id || ':2', ${COLUMNS} FROM ledger_transfer WHERE id = ${CLAIM}`,
    ],
  },
  {
    name: "a balance was changed",
    law: "1 all balances",
    sql: [balance("(SELECT max(id) FROM ledger_account WHERE kind = 'token')", "1")],
  },
  {
    name: "the cost of a receipt was changed",
    law: "4 each receipt costs",
    sql: [
      `UPDATE metered_request SET cost_nanos = cost_nanos - 1, charged_nanos = charged_nanos - 1 WHERE id = '${SETTLED}'`,
    ],
  },
  {
    name: "a hold was left behind by a request that ended",
    law: "4 an ended request",
    sql: [
      `INSERT INTO ledger_transfer (id, group_id, ${COLUMNS})
       SELECT '${SETTLED}:hold:1', group_id, ${COLUMNS} FROM ledger_transfer WHERE id = '${SETTLED}:hold:0'`,
      balance(partyOf("from_account", `'${SETTLED}:hold:0'`), `- ${amountOf(`'${SETTLED}:hold:0'`)}`),
      balance(partyOf("to_account", `'${SETTLED}:hold:0'`), amountOf(`'${SETTLED}:hold:0'`)),
    ],
  },
  {
    name: "a purchase was credited twice, and the balance with it",
    law: "5 each paid purchase",
    sql: [
      `INSERT INTO ledger_transfer (id, group_id, ${COLUMNS})
       SELECT id || ':2', group_id, ${COLUMNS} FROM ledger_transfer WHERE id = ${PAYMENT} || ':credit'`,
      balance(OF_PAYMENT, amountOf(`${PAYMENT} || ':credit'`)),
    ],
  },
  {
    name: "a purchase was paid and never credited",
    law: "5 each paid purchase",
    sql: [
      balance(OF_PAYMENT, `- ${amountOf(`${PAYMENT} || ':credit'`)}`),
      `DELETE FROM ledger_transfer WHERE id = ${PAYMENT} || ':credit'`,
    ],
  },
  {
    name: "revenue was given away, which only takes",
    law: "1 each transfer goes",
    sql: [
      `INSERT INTO ledger_transfer (id, group_id, ${COLUMNS}) VALUES ('gift', 'gift', 'admin_credit', 'token',
         'system/revenue_usage', ${OF_PAYMENT}, 5, '', 'admin:cli', 0, (SELECT max(created_at) FROM ledger_transfer))`,
      balance(OF_PAYMENT, "5"),
    ],
  },
  {
    name: "history was rewritten: a sealed transfer names another reference",
    law: "6 sealed days",
    sql: [`UPDATE ledger_transfer SET ref = 'forged' WHERE id = '${SETTLED}:settle'`],
  },
]
