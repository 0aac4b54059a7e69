/** What keeps rewards from being claimed by the dozen: why a customer may not claim one now, and what to do about it. */
import { getCustomer } from "../../auth/customers.ts"
import { hashMailbox } from "../../auth/mailbox.ts"
import { assertHuman, type TurnstileNeeds } from "../../auth/turnstile.ts"
import type { Vault } from "../../auth/vault.ts"
import { type Clock, HOUR_MS } from "../../platform/clock.ts"
import type { Config } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"
import { toIso } from "../../platform/schema.ts"
import type { Query } from "../../platform/store.ts"
import { getRule, type Rules } from "../offers/rules.ts"

export interface AbuseNeeds {
  clock: Clock
  vault: Vault
  config: Pick<Config, "mail" | "turnstile">
  /** Whether real models are served: then what is given away costs the operator money. */
  catalog: { hasUpstream(): boolean }
}

/** Who asks for which reward. */
export interface Claimant {
  customer_id: string
  rule: "check-in" | "share"
  /** Within which a device or card counts once: the UTC day of a check-in, else empty. */
  slot: string
  /** Null where unknown. */
  device_hash: string | null
}

/** Why a reward cannot be claimed: a name of the case, and a sentence that says what to do. */
export interface Obstacle {
  code: string
  message: string
}

/** Every reason why the claimant may not have this reward now, the first to be solved first; empty when there is none. */
export async function listObstacles(q: Query, needs: AbuseNeeds, claimant: Claimant): Promise<Obstacle[]> {
  const obstacles = [
    await findClosed(q, claimant),
    ...(await listPersonal(q, needs, claimant.customer_id)),
    await findMailbox(q, needs, claimant),
    await findDevice(q, claimant),
    await findCard(q, claimant),
  ]
  return obstacles.filter(one => one !== undefined)
}

/** Throws `forbidden` with the first reason as its message and all of them as `reasons`, unless there is none. */
export const assertMayClaim = async (q: Query, needs: AbuseNeeds, claimant: Claimant): Promise<void> =>
  assertNoObstacle(await listObstacles(q, needs, claimant))

/** Throws `forbidden` with the first reason as its message and all of them as `reasons`, unless there is none. */
export function assertNoObstacle(reasons: readonly Obstacle[]): void {
  const [first] = reasons
  if (!first) return
  throw new AppError("forbidden", first.message, { code: first.code, extra: { reasons } })
}

/** Whether a claim has to bring a Turnstile token. */
export async function needsTurnstile(q: Query, needs: Pick<TurnstileNeeds, "config">): Promise<boolean> {
  return needs.config.turnstile !== undefined && (await getRule(q, "anti-abuse")).requires_turnstile
}

/** Throws what `assertHuman` throws, where a claim has to bring a Turnstile token. */
export async function assertHumanClaim(
  q: Query,
  needs: TurnstileNeeds,
  input: { token: string | undefined; address: string },
): Promise<void> {
  if (await needsTurnstile(q, needs)) await assertHuman(needs, input)
}

/** What is kept of a device's id: a keyed hash. */
export const hashDevice = ({ vault }: { vault: Vault }, device_id: string | undefined): string | null =>
  device_id === undefined ? null : vault.hash(`device:${device_id}`)

async function findClosed(q: Query, { rule }: Claimant): Promise<Obstacle | undefined> {
  const { is_enabled } = await getRule(q, rule)
  if (is_enabled) return undefined
  return { code: "not_offered", message: "This reward is not offered at present: look again another time." }
}

/** What anything that is given away asks of the customer alone, whatever it is. */
export async function listPersonal(q: Query, needs: AbuseNeeds, customer_id: string): Promise<Obstacle[]> {
  const rule = await getRule(q, "anti-abuse")
  const customer = await getCustomer(q, customer_id)
  const old_enough_at = customer.created_at + rule.min_account_age_hours * HOUR_MS
  const obstacles: Obstacle[] = []
  if (isUnguarded(rule, needs)) {
    obstacles.push({
      code: "not_offered",
      message:
        "Nothing here tells real customers from made-up ones yet: the operator has to configure mail (SMTP_URL) " +
        "or Turnstile (TURNSTILE_SECRET_KEY), or set requires_verified_email of the rule anti-abuse to never.",
    })
  }
  if (needs.clock.now() < old_enough_at) {
    obstacles.push({
      code: "account_too_new",
      message: `This is for accounts of ${rule.min_account_age_hours} hours or more: come back after ${toIso(old_enough_at)}.`,
    })
  }
  if (customer.email_verified_at === null && demandsEmail(rule, needs)) {
    obstacles.push({
      code: "email_not_verified",
      message: "This is for customers whose e-mail address is confirmed: confirm yours, then come back.",
    })
  }
  return obstacles
}

/** Accounts cost nothing to make up then, and the credit they would be given costs the operator real money. */
const isUnguarded = (rule: Rules["anti-abuse"], { config, catalog }: AbuseNeeds): boolean =>
  rule.requires_verified_email === "when-mail-works" &&
  config.mail === undefined &&
  config.turnstile === undefined &&
  catalog.hasUpstream()

const demandsEmail = (rule: Rules["anti-abuse"], { config }: AbuseNeeds): boolean =>
  rule.requires_verified_email === "always" ||
  (rule.requires_verified_email === "when-mail-works" && config.mail !== undefined)

/** The mailbox that a claim is written with, as a keyed hash. */
export const hashOwnMailbox = async (
  q: Query,
  needs: { vault: Vault },
  customer_id: string,
): Promise<string> => hashMailbox(needs, (await getCustomer(q, customer_id)).email)

const CLAIMED_BY_MAILBOX = `SELECT 1 AS found FROM reward_claim
  WHERE rule = ? AND slot = ? AND mailbox_hash = ? AND customer_id <> ?`

async function findMailbox(q: Query, needs: AbuseNeeds, claimant: Claimant): Promise<Obstacle | undefined> {
  const { rule, slot, customer_id } = claimant
  const mailbox_hash = await hashOwnMailbox(q, needs, customer_id)
  if (!(await q.get(CLAIMED_BY_MAILBOX, rule, slot, mailbox_hash, customer_id))) return undefined
  return mailboxUsed("claimed this reward: it is given")
}

/** `had` completes "Another account of your mailbox … once per mailbox". */
export const mailboxUsed = (had: string): Obstacle => ({
  code: "mailbox_used",
  message: `Another account of your mailbox ${had} once per mailbox. Use that account.`,
})

const CLAIMED_BY_DEVICE = `SELECT 1 AS found FROM reward_claim
  WHERE rule = ? AND slot = ? AND device_hash = ? AND customer_id <> ?`

async function findDevice(q: Query, claimant: Claimant): Promise<Obstacle | undefined> {
  const { rule, slot, device_hash, customer_id } = claimant
  if (device_hash === null) return undefined
  const found = await q.get(CLAIMED_BY_DEVICE, rule, slot, device_hash, customer_id)
  if (!found) return undefined
  return {
    code: "device_used",
    message:
      "Another account claimed this reward on this device: it is given once per device. Use that account.",
  }
}

/** A card that pays for two customers is one person's, whichever of their cards each claim was made with. */
const CLAIMED_BY_CARD = `WITH mine (card) AS (
    SELECT card_fingerprint FROM purchase WHERE customer_id = ?1 AND card_fingerprint IS NOT NULL
    UNION SELECT fingerprint FROM saved_card WHERE customer_id = ?1)
  SELECT 1 AS found FROM mine
    JOIN purchase p ON p.card_fingerprint = mine.card AND p.customer_id <> ?1
    JOIN reward_claim c ON c.customer_id = p.customer_id AND c.rule = ?2 AND c.slot = ?3
  UNION ALL SELECT 1 FROM mine
    JOIN reward_claim c ON c.rule = ?2 AND c.slot = ?3 AND c.card_fingerprint = mine.card AND c.customer_id <> ?1
  LIMIT 1`

async function findCard(q: Query, { customer_id, rule, slot }: Claimant): Promise<Obstacle | undefined> {
  if (!(await q.get(CLAIMED_BY_CARD, customer_id, rule, slot))) return undefined
  return {
    code: "card_used",
    message:
      "Another account that pays with your card claimed this reward: it is given once per card. Use that account.",
  }
}

const NEWEST_CARD = `SELECT fingerprint FROM saved_card WHERE customer_id = ?1
  UNION ALL SELECT fingerprint FROM (SELECT card_fingerprint AS fingerprint FROM purchase
    WHERE customer_id = ?1 AND card_fingerprint IS NOT NULL ORDER BY id DESC LIMIT 1) LIMIT 1`

/** The card that a claim is written with: the saved one, else the one that paid last; null where none is known. */
export const findOwnCard = async (q: Query, customer_id: string): Promise<string | null> =>
  (await q.get<{ fingerprint: string }>(NEWEST_CARD, customer_id))?.fingerprint ?? null
