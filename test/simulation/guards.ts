/** The guards around money, and the bugs planted into them to see whether the simulation would notice. */

import { PAYMENT_PLANTS } from "./guards-payments.ts"
import { REWARD_PLANTS } from "./guards-rewards.ts"
import type { Edit, Plant } from "./plant.ts"

const POST = "src/wallet/ledger/post.ts"
const SETTLE = "src/wallet/metering/settle.ts"
const METER = "src/wallet/metering/meter.ts"
const RECOVER = "src/wallet/metering/recover.ts"
const COST = "src/wallet/pricing/cost.ts"
const STORE = "src/platform/store.ts"
const SCHEMA = "db/migrations/main/0000_start.sql"

const debitAnything: Edit = { file: POST, from: " AND balance_nanos - ?2 >= floor_nanos", to: "" }
const noCheck: Edit = { file: SCHEMA, from: "\tCHECK (balance_nanos >= floor_nanos),\n", to: "" }
const insertAlways: Edit = { file: POST, from: " ON CONFLICT (id) DO NOTHING", to: "" }
const repeatedIds: Edit[] = [
  {
    file: SCHEMA,
    from: "`id` text PRIMARY KEY NOT NULL,\n\t`group_id`",
    to: "`id` text NOT NULL,\n\t`group_id`",
  },
  {
    file: SCHEMA,
    from: "\tCHECK (length(id) > 0)\n) STRICT, WITHOUT ROWID;",
    to: "\tCHECK (length(id) > 0)\n) STRICT;",
  },
]
const noStateRead: Edit = {
  file: SETTLE,
  from: 'if (stored?.state !== "open") return undefined',
  to: "if (!stored) return undefined",
}
const endAnyState: Edit = { file: SETTLE, from: "AND id = ? AND state = 'open'`", to: "AND id = ?`" }
const noTrigger: Edit = { file: SCHEMA, from: "WHEN OLD.state <> 'open' BEGIN", to: "WHEN 0 BEGIN" }
const extendAnyState: Edit = { file: METER, from: "AND id = ? AND state = 'open'`", to: "AND id = ?`" }
const noRowCheck: Edit = {
  file: SCHEMA,
  from: "(held_nanos = 0 AND ended_at IS NOT NULL",
  to: "(ended_at IS NOT NULL",
}
const recoverAnyState: Edit = {
  file: RECOVER,
  from: "WHERE state = 'open' AND boot_id <> ?",
  to: "WHERE boot_id <> ?",
}

/** Guards that stand behind each other: removing one must not matter, removing all must be seen. */
const LAYERED: Plant[] = [
  { guard: "WHERE", bug: "a debit ignores the balance", edits: [debitAnything], expected: "holds" },
  { guard: "CHECK", bug: "an account may be negative", edits: [noCheck], expected: "holds" },
  { guard: "WHERE + CHECK", bug: "both", edits: [debitAnything, noCheck], expected: "caught" },
  {
    guard: "ON CONFLICT",
    bug: "posting does not expect a known id",
    edits: [insertAlways],
    expected: "holds",
  },
  {
    guard: "UNIQUE",
    bug: "transfer ids may repeat",
    edits: [insertAlways, ...repeatedIds],
    expected: "caught",
  },
  {
    guard: "UNIQUE",
    bug: "a known id is replaced",
    edits: [
      insertAlways,
      { file: POST, from: "INSERT INTO ledger_transfer", to: "INSERT OR REPLACE INTO ledger_transfer" },
    ],
    expected: "caught",
  },
  { guard: "state read", bug: "an end does not look at the state", edits: [noStateRead], expected: "holds" },
  { guard: "state WHERE", bug: "END changes any row", edits: [endAnyState], expected: "holds" },
  { guard: "state trigger", bug: "an ended row may change", edits: [noTrigger], expected: "holds" },
  { guard: "state read + WHERE", bug: "both", edits: [noStateRead, endAnyState], expected: "holds" },
  {
    guard: "state, all three",
    bug: "a request can end twice",
    edits: [noStateRead, endAnyState, noTrigger],
    expected: "caught",
  },
  { guard: "hold WHERE", bug: "EXTEND changes any row", edits: [extendAnyState], expected: "holds" },
  { guard: "hold WHERE + trigger", bug: "both", edits: [extendAnyState, noTrigger], expected: "holds" },
  {
    guard: "hold, all three",
    bug: "an ended request can hold more",
    edits: [extendAnyState, noTrigger, noRowCheck],
    expected: "caught",
  },
  {
    guard: "recovery's state",
    bug: "recovery takes ended requests too",
    edits: [recoverAnyState],
    expected: "holds",
  },
  {
    guard: "recovery + state",
    bug: "recovery releases what had been settled",
    edits: [recoverAnyState, noStateRead, endAnyState, noTrigger],
    expected: "caught",
  },
]

const caught = (guard: string, bug: string, ...edits: Edit[]): Plant => ({
  guard,
  bug,
  edits,
  expected: "caught",
})

const SINGLE: Plant[] = [
  caught("release", "settling keeps the rest of the hold", {
    file: SETTLE,
    from: '    transfer("release", held, free, parts.returned),\n',
    to: "",
  }),
  caught("loss", "an unpaid overrun is not booked", {
    file: SETTLE,
    from: '    transfer("loss", loss, revenue, parts.loss),\n',
    to: "",
  }),
  caught("overrun", "a loss is booked though credit is there", {
    file: SETTLE,
    from: "const from_free = minNanos(overrun, available)",
    to: "const from_free = minNanos(overrun, ZERO)",
  }),
  caught("estimate", "an estimate may exceed the hold", {
    file: SETTLE,
    from: "limit(estimate)",
    to: "estimate",
  }),
  caught("rounding", "prices are rounded down", {
    file: COST,
    from: "(scaled + divisor - 1n) / divisor",
    to: "scaled / divisor",
  }),
  caught("tier", "the tier's multiplier is left out", {
    file: COST,
    from: "const scaled = picos * BigInt(numerator)",
    to: "const scaled = picos * BigInt(denominator)",
  }),
  caught("frozen", "a frozen wallet can be debited", { file: POST, from: " AND is_frozen = 0", to: "" }),
  caught("conflict", "an id used for something else passes for a repeat", {
    file: POST,
    from: "if (stored && isSame(stored, transfer)) return 1",
    to: "if (stored) return 1",
  }),
  caught("checkpoint", "recovery forgets what was delivered", {
    file: RECOVER,
    from: "delivered_output_tokens: orphan.checkpoint_output_tokens",
    to: "delivered_output_tokens: 0",
  }),
  caught("boot", "recovery ends requests of the process that lives", {
    file: RECOVER,
    from: "AND boot_id <> ?",
    to: "AND (boot_id <> ? OR true)",
  }),
  caught(
    "commit",
    "a group is acknowledged before its COMMIT",
    {
      file: STORE,
      from: 'control(writer, "COMMIT")',
      to: 'for (const job of group) job.commit()\n    control(writer, "COMMIT")',
    },
    { file: STORE, from: "  for (const job of group) job.commit()\n}", to: "}" },
  ),
  caught("durable", "a job is acknowledged when it is applied", {
    file: STORE,
    from: "await applied.durable",
    to: "",
  }),
  caught("job savepoint", "a failed job's writes stay", {
    file: STORE,
    from: 'undo(writer, "job")',
    to: 'control(writer, "RELEASE job")',
  }),
  caught("posting savepoint", "a refused posting's first transfers stay", {
    file: STORE,
    from: 'undo(writer, "part")',
    to: 'control(writer, "RELEASE part")',
  }),
  caught("effects", "effects happen before the commit", {
    file: STORE,
    from: "afterCommit: effect => void effects.push(effect)",
    to: "afterCommit: effect => effect()",
  }),
]

export const PLANTS: readonly Plant[] = [...LAYERED, ...SINGLE, ...PAYMENT_PLANTS, ...REWARD_PLANTS]
