/** The packages that can be bought: credit packs and VIP plans; read from the store each time, so edits are live. */
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import type { Query, Store, TxQuery } from "../../platform/store.ts"
import { centsToNanos, formatUsd, type Nanos } from "../ledger/nanos.ts"

export interface PackageOffer {
  id: string
  label: string
  price_cents: number
  /** Token Wallet credit, in nano-USD. */
  credit_nanos: Nanos
  /** Days of VIP Priority; 0 for a plain credit pack. */
  vip_days: number
  /** Order in lists, ascending. */
  position: number
  is_enabled: boolean
}

type StoredOffer = Omit<PackageOffer, "is_enabled"> & { is_enabled: 0 | 1 }

const COLUMNS = "id, label, price_cents, credit_nanos, vip_days, position, is_enabled"

/** The package with this id, enabled or not. */
export async function findPackage(q: Query, id: string): Promise<PackageOffer | undefined> {
  const row = await q.get<StoredOffer>(`SELECT ${COLUMNS} FROM package_offer WHERE id = ?`, id)
  return row && toOffer(row)
}

/** The package that a customer asks for. Throws `unprocessable` that lists what there is; disabled counts as unknown. */
export async function getOfferedPackage(q: Query, id: string): Promise<PackageOffer> {
  const offers = await listPackages(q, "offered")
  const offer = offers.find(one => one.id === id)
  if (offer) return offer
  const list = offers.map(one => `${one.id} ($${formatUsd(centsToNanos(one.price_cents))})`).join(", ")
  throw new AppError(
    "unprocessable",
    `There is no such package. Packages: ${list || "none at the moment"}.`,
    {
      code: "unknown_package",
      field: "packageId",
    },
  )
}

/** In the order of lists. `offered` leaves out what is disabled. */
export async function listPackages(q: Query, scope: "offered" | "all"): Promise<PackageOffer[]> {
  const rows = await q.all<StoredOffer>(
    `SELECT ${COLUMNS} FROM package_offer WHERE is_enabled >= ? ORDER BY position, id`,
    scope === "offered" ? 1 : 0,
  )
  return rows.map(toOffer)
}

const toOffer = (row: StoredOffer): PackageOffer => ({ ...row, is_enabled: row.is_enabled === 1 })

/** What Stripe takes of a card at least and at most, in cents. */
const LEAST_CENTS = 50
const MOST_CENTS = 99_999_999
const MOST_VIP_DAYS = 3_660
const LARGEST_POSITION = 1_000_000

/**
 * Adds or changes a package; purchases that were opened keep what they were opened with. Throws `invalid` that names
 * the field, in the names of the operator's options.
 */
export async function setPackage(q: TxQuery, now: number, offer: PackageOffer): Promise<void> {
  assertOffer(offer)
  await q.run(
    `INSERT INTO package_offer (id, label, price_cents, credit_nanos, vip_days, position, is_enabled, created_at, updated_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
     ON CONFLICT (id) DO UPDATE SET label = ?2, price_cents = ?3, credit_nanos = ?4, vip_days = ?5, position = ?6,
       is_enabled = ?7, updated_at = ?8`,
    offer.id,
    offer.label,
    offer.price_cents,
    offer.credit_nanos,
    offer.vip_days,
    offer.position,
    offer.is_enabled ? 1 : 0,
    now,
  )
}

function assertOffer(offer: PackageOffer): void {
  const check = (is_right: boolean, field: string, must_be: string) => {
    if (!is_right) throw new AppError("invalid", `${field} must be ${must_be}.`, { field })
  }
  const within = (value: number, least: number, most: number) =>
    Number.isSafeInteger(value) && value >= least && value <= most
  const is_label = offer.label.trim() !== "" && offer.label.length <= 80
  check(/^[a-z0-9][a-z0-9-]{0,39}$/.test(offer.id), "id", "1 to 40 of a-z, 0-9 and -")
  check(is_label, "label", "1 to 80 characters")
  check(within(offer.price_cents, LEAST_CENTS, MOST_CENTS), "price", "USD from 0.50 to 999999.99")
  check(offer.credit_nanos > 0, "credit", "USD above 0")
  check(within(offer.vip_days, 0, MOST_VIP_DAYS), "vip-days", `a whole number from 0 to ${MOST_VIP_DAYS}`)
  check(
    within(offer.position, 0, LARGEST_POSITION),
    "position",
    `a whole number from 0 to ${LARGEST_POSITION}`,
  )
}

/** `[id, label, price in cents, credit in cents, VIP days]`: a start, which the operator edits. */
const SEEDS: readonly [string, string, number, number, number][] = [
  ["starter", "Starter", 500, 500, 0],
  ["standard", "Standard", 1_000, 1_000, 0],
  ["plus", "Plus", 2_500, 2_600, 0],
  ["pro", "Pro", 5_000, 5_300, 0],
  ["team", "Team", 10_000, 11_000, 0],
  ["vip-30", "VIP, 30 days", 2_000, 2_000, 30],
  ["vip-365", "VIP, one year", 20_000, 20_000, 365],
]

/** Writes the first packages when there is none at all; what the operator made of them is never touched. */
export async function seedPackages(needs: { store: Store; clock: Clock }): Promise<void> {
  await needs.store.tx(async q => {
    if ((await listPackages(q, "all")).length > 0) return
    for (const [index, [id, label, price_cents, credit_cents, vip_days]] of SEEDS.entries()) {
      await setPackage(q, needs.clock.now(), {
        id,
        label,
        price_cents,
        credit_nanos: centsToNanos(credit_cents),
        vip_days,
        position: (index + 1) * 10,
        is_enabled: true,
      })
    }
  })
}
