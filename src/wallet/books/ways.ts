/** Which way the money of each kind of transfer goes; a kind that is not here is nobody's rule. */

const TOKEN = "customers/token"
const HELD = "customers/token_held"
const CASH = "customers/cash"
const DEBT = "customers/cash_debt"
const PENDING = "customers/referral_pending"

/** Where paid money comes from and goes back to. */
const PAYERS = ["system/stripe", "system/stripe_test", "system/plan_payments"]

const from = (givers: readonly string[], taker: string) => givers.map(giver => `${giver} > ${taker}`)
const to = (giver: string, takers: readonly string[]) => takers.map(taker => `${giver} > ${taker}`)

/** The legs of a refund or a dispute, and their way back. */
const reversalWays = (kind: "refund" | "dispute"): Record<string, readonly string[]> => ({
  [kind]: to("system/sales_package", [...PAYERS, CASH]),
  [`${kind}_credit`]: [`${TOKEN} > system/issue_package`],
  [`${kind}_cash`]: [`${CASH} > system/sales_package`],
  [`${kind}_debt`]: [`system/debt > ${DEBT}`],
  [`${kind}_returned`]: from([...PAYERS, CASH], "system/sales_package"),
  [`${kind}_credit_returned`]: [`system/issue_package > ${TOKEN}`],
  [`${kind}_cash_returned`]: [`system/sales_package > ${CASH}`],
  [`${kind}_debt_returned`]: [`${DEBT} > system/debt`],
  [`${kind}_collected_returned`]: [`system/sales_package > ${CASH}`, `system/issue_package > ${TOKEN}`],
})

/** Transfers that belong to a purchase and are made by purchase-legs.ts. */
const PURCHASE_WAYS: Record<string, readonly string[]> = {
  package_payment: from([...PAYERS, CASH], "system/sales_package"),
  cash_load: from(["system/stripe", "system/stripe_test"], CASH),
  package_credit: [`system/issue_package > ${TOKEN}`],
  bonus_credit: [`system/issue_bonus > ${TOKEN}`],
  ...reversalWays("refund"),
  ...reversalWays("dispute"),
}

const WAYS: Record<string, readonly string[]> = {
  hold: [`${TOKEN} > ${HELD}`],
  settle: [`${HELD} > system/revenue_usage`],
  release: [`${HELD} > ${TOKEN}`],
  overrun: [`${TOKEN} > system/revenue_usage`],
  loss: ["system/loss_overrun > system/revenue_usage"],
  ...PURCHASE_WAYS,
  debt_collected: [
    `${DEBT} > system/debt`,
    `${CASH} > system/sales_package`,
    `${TOKEN} > system/issue_package`,
  ],
  checkin: [`system/issue_checkin > ${TOKEN}`],
  share: [`system/issue_share > ${TOKEN}`],
  gumroad: [`system/issue_gumroad > ${TOKEN}`],
  commission: [`system/expense_referral > ${PENDING}`],
  commission_reversed: from([PENDING, CASH], "system/expense_referral"),
  commission_restored: to("system/expense_referral", [PENDING, CASH]),
  commission_voided: [`${PENDING} > system/expense_referral`],
  commission_payout: [`${PENDING} > ${CASH}`],
}

/** What an operator does, whatever it is called: between a wallet and the account of its corrections. */
const ADMIN_WAYS = [
  `system/issue_admin > ${TOKEN}`,
  `${TOKEN} > system/issue_admin`,
  `system/issue_cash_admin > ${CASH}`,
  `${CASH} > system/issue_cash_admin`,
]

/** Kinds whose group is a purchase that says what each of them must be. */
export const PURCHASE_KINDS: readonly string[] = Object.keys(PURCHASE_WAYS)

/** The ways in which transfers of a kind may go, e.g. `customers/token > customers/token_held`; none for an unknown kind. */
export function waysOf(kind: string): readonly string[] {
  if (kind.startsWith("admin_")) return ADMIN_WAYS
  return Object.hasOwn(WAYS, kind) ? WAYS[kind]! : []
}
