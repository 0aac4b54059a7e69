/** The guards around purchases, reversals and codes, and the bugs planted into them. */
import { caught, edit, holds, noIndex, type Plant, SCHEMA } from "./plant.ts"

const CREDIT = "src/wallet/purchases/credit.ts"
const LEGS = "src/wallet/purchases/purchase-legs.ts"
const PURCHASES = "src/wallet/purchases/purchases.ts"
const REVERSE = "src/wallet/purchases/reverse.ts"
const DEBT = "src/wallet/purchases/debt.ts"
const REDEEM = "src/wallet/purchases/redeem.ts"
const PAYMENT = "src/wallet/stripe/payment.ts"
const FULFIL = "src/wallet/stripe/fulfil.ts"
const CODES = "src/wallet/offers/codes.ts"
const COMMISSION = "src/wallet/rewards/commission.ts"
const VIP = "src/auth/vip.ts"

const noPaidRead = edit(CREDIT, 'if (ordered.state === "paid") return "credited-before"', "")
const payAnyState = edit(CREDIT, "WHERE id = ? AND state <> 'paid'`", "WHERE id = ?`")
const noPaidTrigger = edit(
  SCHEMA,
  "ON `purchase` WHEN OLD.state = 'paid' BEGIN",
  "ON `purchase` WHEN 0 BEGIN",
)
const paymentIdAnew = edit(LEGS, ": `stripe:pi:", ": Math.random() + `stripe:pi:")
const noIntentKey = noIndex("purchase_stripe_payment_intent_unique", "`purchase` (`stripe_payment_intent`)")

const PAID_ONCE: Plant[] = [
  holds("paid read", "crediting does not look at the state", noPaidRead),
  holds("paid read + WHERE", "PAY changes any row", noPaidRead, payAnyState),
  holds("paid, all three", "a paid order may change", noPaidRead, payAnyState, noPaidTrigger),
  caught(
    "paid + transfer id",
    "a payment is credited twice",
    noPaidRead,
    payAnyState,
    noPaidTrigger,
    paymentIdAnew,
  ),
  holds("intent UNIQUE", "a payment may stand on two orders", noIntentKey),
  caught("intent + transfer id", "a payment pays for two orders", noIntentKey, paymentIdAnew),
  caught(
    "mismatch",
    "what was paid is not compared",
    edit(FULFIL, "if (why !== undefined) return flag", "if (why === '') return flag"),
  ),
  caught(
    "amount",
    "any amount pays",
    edit(PAYMENT, "payment.amount_cents !== purchase.price_cents", "payment.amount_cents < 0"),
  ),
  caught(
    "currency",
    "any currency pays",
    edit(PAYMENT, 'payment.currency !== "usd"', 'payment.currency === ""'),
  ),
  caught(
    "mode",
    "a test payment pays",
    edit(PAYMENT, "payment.is_live !== (purchase.is_live === 1)", "payment.is_live === undefined"),
  ),
  caught(
    "payer",
    "somebody else's payment pays",
    edit(PAYMENT, "!stripe_customers.includes(payment.stripe_customer)", "stripe_customers.length === 0"),
  ),
  caught(
    "order named",
    "a payment for another order pays",
    edit(PAYMENT, "payment.purchase_id !== null &&", "payment.purchase_id === '' &&"),
  ),
  caught(
    "money",
    "the money of a purchase is not booked",
    edit(LEGS, "amount_nanos: centsToNanos(purchase.price_cents)", "amount_nanos: centsToNanos(0)"),
  ),
  caught(
    "bonus",
    "the bonus of a code is forgotten",
    edit(LEGS, "amount_nanos: purchase.bonus_nanos", "amount_nanos: centsToNanos(0)"),
  ),
  caught("VIP", "days are added from now on", edit(VIP, "Math.max(row?.vip_until ?? 0, now)", "now")),
]

const noEndRead = edit(
  PURCHASES,
  'if (is_seen || (purchase.state !== "open" && end.state !== "mismatch")) return false',
  "",
)
const noReference = noIndex("purchase_reference_unique", "`purchase` (`reference`)")

const ORDERS: Plant[] = [
  holds("end's state", "a paid order ends unpaid", edit(PURCHASES, 'purchase.state === "paid" ||', "")),
  caught("end's state + trigger", "both", noEndRead, noPaidTrigger),
  caught(
    "give back",
    "an order that ends keeps its code",
    edit(PURCHASES, "await giveCodeBack(q, purchase.id)", ""),
  ),
  caught(
    "kept use",
    "what the operator may still credit gives its code back",
    edit(PURCHASES, 'if (end.state !== "mismatch") await giveCodeBack', "await giveCodeBack"),
  ),
  caught(
    "reference UNIQUE",
    "a plan payment is recorded twice",
    noReference,
    edit(PURCHASES, " ON CONFLICT (reference) DO NOTHING", ""),
  ),
  caught(
    "reference's owner",
    "anybody redeems a plan payment",
    edit(REDEEM, "WHERE reference = ? AND customer_id = ?", "WHERE reference = ? AND ? <> ''"),
  ),
  caught(
    "redeemed",
    "a plan payment is redeemed twice",
    edit(REDEEM, 'if (purchase.state !== "open")', 'if (purchase.state === "expired")'),
  ),
]

const noReversalRead = edit(REVERSE, 'if (await findReversal(q, id)) return "taken-before"', "")
const noReversalKey = edit(
  SCHEMA,
  "CREATE TABLE `reversal` (\n\t`id` text PRIMARY KEY NOT NULL",
  "CREATE TABLE `reversal` (\n\t`id` text NOT NULL",
)
const reversalIdAnew = edit(
  LEGS,
  '"dispute" }): string =>\n  `stripe:',
  '"dispute" }): string =>\n  Math.random() + `stripe:',
)
const noReturnedRead = edit(REVERSE, 'if (reversal.state === "returned") return "returned-before"', "")
const returnAnyState = edit(
  REVERSE,
  "returned_at = ? WHERE id = ? AND state = 'taken'",
  "returned_at = ? WHERE id = ?",
)
const noReturnTrigger = edit(
  SCHEMA,
  "ON `reversal` WHEN OLD.state = 'returned' BEGIN",
  "ON `reversal` WHEN 0 BEGIN",
)

const REVERSALS: Plant[] = [
  holds("reversal read", "a reversal is not looked up", noReversalRead),
  holds("reversal read + key", "its id may repeat", noReversalRead, noReversalKey),
  caught("reversal, all three", "a refund takes twice", noReversalRead, noReversalKey, reversalIdAnew),
  holds("returned read", "a return does not look at the state", noReturnedRead),
  holds("returned read + WHERE", "a return changes any row", noReturnedRead, returnAnyState),
  holds("returned, all three", "a returned row may change", noReturnedRead, returnAnyState, noReturnTrigger),
  caught(
    "returned + transfer id",
    "a reversal is returned twice",
    noReturnedRead,
    returnAnyState,
    noReturnTrigger,
    reversalIdAnew,
  ),
  caught(
    "reversed state",
    "an unpaid order is reversed",
    edit(REVERSE, 'if (purchase.state !== "paid")', 'if (purchase.state === "failed")'),
  ),
  caught(
    "parts before",
    "a second refund forgets the first",
    edit(
      REVERSE,
      "toNanos(shareOf(purchase, before + amount_cents) - shareOf(purchase, before))",
      "toNanos(shareOf(purchase, amount_cents))",
    ),
  ),
  caught(
    "excess",
    "what a bank takes too much is not owed",
    edit(REVERSE, "const owed = addNanos(spent, excess)", "const owed = spent"),
  ),
  caught(
    "spent",
    "more is owed than was paid",
    edit(
      REVERSE,
      "minNanos(subtractNanos(credit, token), subtractNanos(amount, excess))",
      "subtractNanos(credit, token)",
    ),
  ),
  caught(
    "debt",
    "what is not there is not owed",
    edit(LEGS, "amount_nanos: parts.debt", "amount_nanos: centsToNanos(0)"),
  ),
  caught(
    "collected",
    "a collected debt does not come back",
    edit(LEGS, "amount_nanos: collected[name],", "amount_nanos: centsToNanos(0),"),
  ),
  caught(
    "collected from credit",
    "given credit comes back as cash",
    edit(DEBT, "minNanos(nanos, from_token)", "minNanos(nanos, ZERO)"),
  ),
  caught(
    "spent cash",
    "what cash bought stays when its payment goes back",
    edit(REVERSE, 'purchase.kind === "cash-load" ? await takeBought(', 'id === "" ? await takeBought('),
  ),
  caught(
    "spent cash once",
    "what has gone back is taken again",
    edit(
      REVERSE,
      "WHERE r.purchase_id = p.id AND r.state = 'taken') AS left_cents",
      "WHERE 0) AS left_cents",
    ),
  ),
  caught(
    "spent cash back",
    "what was taken for a cash load stays taken",
    edit(REVERSE, "for (const one of inner) await giveBack", "for (const one of []) await giveBack"),
  ),
  caught(
    "VIP back",
    "time that was used up comes back",
    edit(REVERSE, "Math.abs(await extendVip(", "Math.max(vip_days * 86_400_000, await extendVip("),
  ),
  caught(
    "thaw",
    "a thawed wallet keeps what it owes",
    edit(DEBT, "await collectDebt(q, needs, { customer_id, group_id: `thaw", "void ({ group_id: `thaw"),
  ),
  caught(
    "dispute",
    "auto-topup goes on in a dispute",
    edit(REVERSE, 'if (kind === "dispute")', 'if (id === "")'),
  ),
  caught("collecting", "a debt is not collected", edit(CREDIT, "await collectDebt(q, needs, {", "void ({")),
  caught(
    "collecting at payout",
    "a payout leaves the debt",
    edit(COMMISSION, "await collectDebt(q, needs, {", "void ({"),
  ),
  caught(
    "frozen debt",
    "a debt is taken from a frozen wallet",
    edit(DEBT, "balances.is_frozen ? ZERO : balances.token", "balances.token"),
  ),
  caught(
    "frozen reversal",
    "a refund is taken from a frozen wallet",
    edit(REVERSE, "balances.is_frozen ? ZERO : balances.token", "balances.token"),
  ),
]

const CODE_PLANTS: Plant[] = [
  caught(
    "code's owner",
    "anybody uses a private code",
    edit(CODES, "(code.customer_id !== null && code.customer_id !== asked.customer_id)", "code.code === ''"),
  ),
  caught("code's start", "a code is valid at once", edit(CODES, "if (now < code.starts_at)", "if (now < 0)")),
  caught("code's end", "a code is valid for ever", edit(CODES, "now >= code.expires_at", "now < 0")),
  caught(
    "uses by one",
    "a customer uses a code too often",
    edit(CODES, "if (own_left <= 0)", "if (own_left < -99)"),
  ),
  caught(
    "uses by all",
    "all together use a code too often",
    edit(CODES, "if (all_left <= 0)", "if (all_left < -99)"),
  ),
  caught(
    "minimum",
    "a code works for any package",
    edit(CODES, "if (asked.offer.price_cents < code.min_price_cents)", "if (asked.offer.price_cents < 0)"),
  ),
  caught(
    "largest bonus",
    "a bonus has no limit",
    edit(CODES, "minNanos(bonus_nanos, code.max_bonus_nanos)", "bonus_nanos"),
  ),
  caught(
    "use",
    "a use is not written",
    edit(
      CODES,
      "bonus.code,\n    taken.customer_id,\n    bonus.number,",
      "bonus.code,\n    taken.customer_id,\n    bonus.number + 1,",
    ),
  ),
]

export const PAYMENT_PLANTS: readonly Plant[] = [...PAID_ONCE, ...ORDERS, ...REVERSALS, ...CODE_PLANTS]
