/** A statement as our API shows it: camelCase, exact decimal USD, ISO times. */
import { t } from "elysia"
import { Time, toIso, Usd } from "../../platform/schema.ts"
import { centsToNanos, formatUsd } from "../ledger/nanos.ts"
import type { Movement } from "./movements.ts"
import type { Statement, WalletMonth } from "./statement.ts"
import type { UsageLine } from "./usage-lines.ts"

const WalletMonthView = t.Object({ openingUsd: Usd, inUsd: Usd, outUsd: Usd, closingUsd: Usd })

const MovementView = t.Object({
  at: Time,
  wallet: t.String({ description: "token, cash, or debt: what is owed" }),
  type: t.String({
    description: "purchase, payment, bonus, reward, refund, dispute, debt or adjustment",
  }),
  kind: t.String({ description: "The ledger's own name of it" }),
  inUsd: Usd,
  outUsd: Usd,
  transferId: t.String(),
  reference: t.String(),
  purchase: t.Nullable(
    t.Object({
      id: t.String(),
      kind: t.String(),
      packageId: t.Nullable(t.String()),
      priceUsd: Usd,
      code: t.Nullable(t.String()),
      isTest: t.Boolean({ description: "Paid in test mode or in the demo: no money moved" }),
    }),
  ),
})

const UsageLineView = t.Object({
  day: t.String({ format: "date" }),
  model: t.String(),
  requestCount: t.Integer({ minimum: 0 }),
  inputTokens: t.Integer({ minimum: 0 }),
  outputTokens: t.Integer({ minimum: 0 }),
  chargedUsd: Usd,
})

export const StatementView = t.Object(
  {
    customerId: t.String(),
    email: t.String(),
    month: t.String({ examples: ["2026-01"] }),
    from: Time,
    until: Time,
    madeAt: Time,
    isComplete: t.Boolean({ description: "False while the month goes on" }),
    currency: t.Literal("USD"),
    tokenWallet: WalletMonthView,
    cashWallet: WalletMonthView,
    debt: WalletMonthView,
    movements: t.Array(MovementView),
    usage: t.Array(UsageLineView),
    totals: t.Object({
      requestCount: t.Integer(),
      chargedUsd: Usd,
      purchaseCount: t.Integer(),
      paidUsd: t.String({ ...Usd, description: "Real money; test payments do not count" }),
    }),
  },
  { description: "Monthly statement. opening + in − out = closing; out of the Token Wallet includes usage" },
)

export const toApiStatement = (statement: Statement) => ({
  customerId: statement.customer.id,
  email: statement.customer.email,
  month: statement.month.name,
  from: toIso(statement.month.start_at),
  until: toIso(statement.month.end_at),
  madeAt: toIso(statement.made_at),
  isComplete: statement.is_complete,
  currency: "USD" as const,
  tokenWallet: toApiWalletMonth(statement.wallets.token),
  cashWallet: toApiWalletMonth(statement.wallets.cash),
  debt: toApiWalletMonth(statement.wallets.debt),
  movements: statement.movements.map(toApiMovement),
  usage: statement.usage.map(toApiUsageLine),
  totals: {
    requestCount: statement.totals.request_count,
    chargedUsd: formatUsd(statement.totals.charged_nanos),
    purchaseCount: statement.totals.purchase_count,
    paidUsd: formatUsd(statement.totals.paid_nanos),
  },
})

export type ApiStatement = ReturnType<typeof toApiStatement>

const toApiWalletMonth = (wallet: WalletMonth) => ({
  openingUsd: formatUsd(wallet.opening_nanos),
  inUsd: formatUsd(wallet.in_nanos),
  outUsd: formatUsd(wallet.out_nanos),
  closingUsd: formatUsd(wallet.closing_nanos),
})

const toApiMovement = (movement: Movement) => ({
  at: toIso(movement.created_at),
  wallet: movement.wallet,
  type: movement.type,
  kind: movement.kind,
  inUsd: formatUsd(movement.in_nanos),
  outUsd: formatUsd(movement.out_nanos),
  transferId: movement.id,
  reference: movement.ref,
  purchase: movement.purchase && {
    id: movement.purchase.id,
    kind: movement.purchase.kind,
    packageId: movement.purchase.package_id,
    priceUsd: formatUsd(centsToNanos(movement.purchase.price_cents)),
    code: movement.purchase.code,
    isTest: movement.purchase.is_live === 0,
  },
})

const toApiUsageLine = (line: UsageLine) => ({
  day: line.day,
  model: line.model,
  requestCount: line.request_count,
  inputTokens: line.input_tokens,
  outputTokens: line.output_tokens,
  chargedUsd: formatUsd(line.charged_nanos),
})
