/** The guards around rewards, commissions and auto-topup, and the bugs planted into them. */
import { caught, edit, holds, noIndex, type Plant } from "./plant.ts"

const REVERSE = "src/wallet/purchases/reverse.ts"
const CREDIT = "src/wallet/purchases/credit.ts"
const CLAIM = "src/wallet/rewards/claim.ts"
const CHECK_IN = "src/wallet/rewards/check-in.ts"
const SHARE = "src/wallet/rewards/share-credit.ts"
const ABUSE = "src/wallet/rewards/anti-abuse.ts"
const COMMISSION = "src/wallet/rewards/commission.ts"
const JOBS = "src/wallet/auto-topup/jobs.ts"
const SETTINGS = "src/wallet/auto-topup/settings.ts"
const SUSPEND = "src/wallet/auto-topup/suspend.ts"
const CARD = "src/wallet/auto-topup/saved-card.ts"

const noTodayRead = edit(CHECK_IN, "if (today.claimed_at !== undefined) throw claimedToday(today)", "")
const noClaimRow = edit(
  CLAIM,
  'if (inserted === 0) throw alreadyClaimed("This reward was claimed before: it is given once.")',
  "",
)
const noPostAnswer = edit(CLAIM, 'if (result.kind !== "posted") throw', 'if (result.kind === "frozen") throw')
const noDevice = edit(
  ABUSE,
  "if (device_hash === null) return undefined",
  "if (device_hash !== '') return undefined",
)
const noDeviceKey = noIndex(
  "reward_claim_one_per_device",
  "`reward_claim` (`rule`, `slot`, `device_hash`)",
  " WHERE device_hash IS NOT NULL",
)
const noCard = edit(
  ABUSE,
  "if (!(await q.get(CLAIMED_BY_CARD, customer_id, rule, slot))) return undefined",
  "if (customer_id + rule + slot !== '') return undefined",
)
const noCardKey = noIndex(
  "reward_claim_one_per_card",
  "`reward_claim` (`rule`, `slot`, `card_fingerprint`)",
  " WHERE card_fingerprint IS NOT NULL",
)
const noMailbox = edit(
  ABUSE,
  "if (!(await q.get(CLAIMED_BY_MAILBOX, rule, slot, mailbox_hash, customer_id))) return undefined",
  "if (mailbox_hash !== '') return undefined",
)
const noMailboxKey = noIndex(
  "reward_claim_one_per_mailbox",
  "`reward_claim` (`rule`, `slot`, `mailbox_hash`)",
  " WHERE mailbox_hash IS NOT NULL",
)
const noPost = edit(SHARE, "await assertNewPost(q, post)", "")
const noProofKey = noIndex(
  "reward_claim_one_per_proof",
  "`reward_claim` (`rule`, `proof`)",
  " WHERE proof IS NOT NULL",
)

const REWARDS: Plant[] = [
  holds("claimed read", "a check-in does not look at the day", noTodayRead),
  holds("claimed read + row", "nor at the row", noTodayRead, noClaimRow),
  caught("claimed, all three", "a second claim is granted", noTodayRead, noClaimRow, noPostAnswer),
  holds("device", "one device claims for many", noDevice),
  caught("device + key", "both", noDevice, noDeviceKey),
  caught("card + key", "one card claims for many", noCard, noCardKey),
  holds("mailbox", "one mailbox claims for many", noMailbox),
  caught("mailbox + key", "both", noMailbox, noMailboxKey),
  holds("post", "one post counts for many", noPost),
  caught("post + key", "both", noPost, noProofKey),
  caught(
    "streak",
    "every day gives as much as the first",
    edit(CHECK_IN, "Math.min(streak_before, schedule.length - 1)", "0"),
  ),
  caught(
    "kinds that earn",
    "cash earns a commission",
    edit(COMMISSION, 'new Set(["package", "auto-topup"])', 'new Set(["package", "auto-topup", "cash-load"])'),
  ),
  caught(
    "own card",
    "a referrer earns by the own card",
    edit(
      COMMISSION,
      "if (card_fingerprint === null) return false",
      "if (card_fingerprint !== '') return false",
    ),
  ),
  caught(
    "own card later",
    "a referrer whose card it turned out to be is paid",
    edit(COMMISSION, "if (await isPaidByReferrer(q, commission))", "if (commission.purchase_id === '')"),
  ),
  caught("earned", "a purchase earns nothing", edit(CREDIT, "await recordCommission(q, needs,", "void (")),
  caught(
    "commission reversed",
    "a refund leaves the commission",
    edit(REVERSE, "await reverseCommission(q, needs,", "void ("),
  ),
  caught(
    "commission restored",
    "a won dispute leaves it reversed",
    edit(REVERSE, "await restoreCommission(q, needs,", "void ("),
  ),
  caught(
    "restored part",
    "more is restored than is due",
    edit(COMMISSION, "amount_nanos: subtractNanos(given_back, reversed)", "amount_nanos: given_back"),
  ),
  caught(
    "holder",
    "what was paid out is taken from what is pending",
    edit(
      COMMISSION,
      'state === "paid" ? "cash" : "referral_pending"',
      'state === "refused" ? "cash" : "referral_pending"',
    ),
  ),
  caught(
    "left",
    "what was reversed is paid out",
    edit(
      COMMISSION,
      "subtractNanos(commission.amount_nanos, commission.reversed_nanos)",
      "commission.amount_nanos",
    ),
  ),
  caught("due", "a commission is paid at once", edit(COMMISSION, "due_at <= ?", "due_at <= ? + 1e12")),
  holds(
    "payout's state",
    "a payout does not look at the state",
    edit(COMMISSION, "WHERE purchase_id = ? AND state = 'pending'", "WHERE purchase_id = ?"),
  ),
  caught(
    "payout's state + id",
    "a commission is paid out twice",
    edit(COMMISSION, "WHERE purchase_id = ? AND state = 'pending'", "WHERE purchase_id = ?"),
    edit(COMMISSION, ":payout`", ":payout` + Math.random()"),
  ),
]

const noClaimedRead = edit(JOBS, "(await q.get(CLAIMED, customer_id))", "CLAIMED === ''")
const noClaimedKey = noIndex(
  "auto_topup_job_one_claimed",
  "`auto_topup_job` (`customer_id`)",
  " WHERE state = 'claimed'",
)

const TOP_UPS: Plant[] = [
  holds("claimed charge", "two charges are claimed at once", noClaimedRead),
  caught("claimed charge + key", "both", noClaimedRead, noClaimedKey),
  caught(
    "interval",
    "charges follow each other at once",
    edit(JOBS, "now - last.at < rule.min_interval_minutes * MINUTE_MS", "now < 0"),
  ),
  caught("monthly cap", "a month has no limit", edit(JOBS, "> wanted.monthly_cap_cents", "> 1e12")),
  caught(
    "threshold",
    "every balance is low",
    edit(JOBS, "AND a.balance_nanos < t.threshold_nanos", "AND t.threshold_nanos > 0"),
  ),
  caught("suspended", "a suspended auto-topup charges", edit(JOBS, "AND t.suspended_for IS NULL", "")),
  caught("frozen", "a frozen wallet is topped up", edit(JOBS, "AND a.is_frozen = 0", "")),
  caught(
    "charge ends once",
    "the end of a charge counts twice",
    edit(JOBS, "WHERE id = ? AND state = 'claimed'`", "WHERE id = ?`"),
  ),
  caught("failed charge", "its order stays open", edit(JOBS, "await endPurchase(q, needs, {", "void ({")),
  caught("failures", "a card is tried for ever", edit(JOBS, ">= max_failures", "> 99")),
  caught(
    "dispute outranks",
    "a card's suspension hides a dispute's",
    edit(
      SUSPEND,
      "suspended_for IS NULL OR (?1 = 'dispute' AND suspended_for <> 'dispute')",
      "suspended_for IS NULL",
    ),
  ),
  caught(
    "disputed",
    "auto-topup is turned on in a dispute",
    edit(SETTINGS, "if (resumes && (await hasDispute(q, customer_id))) throw disputed()", ""),
  ),
  caught(
    "later card",
    "an older card replaces the later one",
    edit(CARD, "AND (created_at, payment_method_id) < (excluded.created_at, excluded.payment_method_id)", ""),
  ),
]

export const REWARD_PLANTS: readonly Plant[] = [...REWARDS, ...TOP_UPS]
