/** Packages: what there is at first, what is offered, and what a package cannot be. */
import { describe, expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import {
  findPackage,
  getOfferedPackage,
  listPackages,
  type PackageOffer,
  seedPackages,
  setPackage,
} from "../../../src/wallet/offers/packages.ts"
import { createTestClock, START_AT } from "../../support/clock.ts"
import { openTestStore } from "../../support/store.ts"

const OFFER: PackageOffer = {
  id: "huge",
  label: "Huge",
  price_cents: 50_000,
  credit_nanos: 600_000_000_000 as Nanos,
  vip_days: 0,
  position: 5,
  is_enabled: true,
}

async function openPackages() {
  const needs = { store: openTestStore(), clock: createTestClock() }
  await seedPackages(needs)
  const set = (offer: Partial<PackageOffer> = {}) =>
    needs.store.tx(q => setPackage(q, START_AT, { ...OFFER, ...offer }))
  return { needs, read: needs.store.read, set }
}

describe("the seeds", () => {
  test("are five credit packs and two VIP plans", async () => {
    const { read } = await openPackages()
    const offers = await listPackages(read, "offered")
    expect(offers.map(one => [one.id, one.price_cents, one.credit_nanos / 1e7, one.vip_days])).toEqual([
      ["starter", 500, 500, 0],
      ["standard", 1_000, 1_000, 0],
      ["plus", 2_500, 2_600, 0],
      ["pro", 5_000, 5_300, 0],
      ["team", 10_000, 11_000, 0],
      ["vip-30", 2_000, 2_000, 30],
      ["vip-365", 20_000, 20_000, 365],
    ])
  })

  test("never touch what the operator made of them", async () => {
    const { needs, read } = await openPackages()
    await needs.store.tx(q => q.run("DELETE FROM package_offer WHERE id <> 'pro'"))
    await needs.store.tx(q => q.run("UPDATE package_offer SET is_enabled = 0, price_cents = 4000"))
    await seedPackages(needs)
    expect(await listPackages(read, "all")).toMatchObject([{ id: "pro", price_cents: 4_000 }])
  })
})

describe("a package", () => {
  test("that is set is offered at once, in its place", async () => {
    const { read, set } = await openPackages()
    await set()
    expect(await getOfferedPackage(read, "huge")).toEqual(OFFER)
    expect((await listPackages(read, "offered")).slice(0, 2).map(one => one.id)).toEqual(["huge", "starter"])
  })

  test("that is set again is changed, and keeps when it was made", async () => {
    const { needs, read, set } = await openPackages()
    await set()
    await needs.store.tx(q => setPackage(q, START_AT + 5, { ...OFFER, price_cents: 45_000 }))
    expect(await findPackage(read, "huge")).toEqual({ ...OFFER, price_cents: 45_000 })
    const times = "SELECT created_at, updated_at FROM package_offer WHERE id = 'huge'"
    expect(await read.get(times)).toEqual({ created_at: START_AT, updated_at: START_AT + 5 })
  })

  test("that is disabled is found, but not offered", async () => {
    const { read, set } = await openPackages()
    await set({ is_enabled: false })
    expect(await findPackage(read, "huge")).toEqual({ ...OFFER, is_enabled: false })
    expect((await listPackages(read, "offered")).map(one => one.id)).not.toContain("huge")
    expect((await listPackages(read, "all")).map(one => one.id)).toContain("huge")
    await expect(getOfferedPackage(read, "huge")).rejects.toThrow("There is no such package.")
  })

  test("that is unknown is refused with the list of those there are", async () => {
    const { needs, read } = await openPackages()
    await expect(getOfferedPackage(read, "gold")).rejects.toMatchObject({
      reason: "unprocessable",
      message: expect.stringContaining("Packages: starter ($5.00), standard ($10.00), plus ($25.00),"),
      detail: { code: "unknown_package", field: "packageId" },
    })
    expect(await findPackage(read, "gold")).toBeUndefined()
    await needs.store.tx(q => q.run("UPDATE package_offer SET is_enabled = 0"))
    await expect(getOfferedPackage(read, "pro")).rejects.toThrow("Packages: none at the moment.")
  })

  test.each<[Partial<PackageOffer>, string]>([
    [{ id: "" }, "id"],
    [{ id: "Gold" }, "id"],
    [{ id: "-gold" }, "id"],
    [{ id: "x".repeat(41) }, "id"],
    [{ label: " " }, "label"],
    [{ label: "x".repeat(81) }, "label"],
    [{ price_cents: 49 }, "price"],
    [{ price_cents: 100_000_000 }, "price"],
    [{ price_cents: 99.5 }, "price"],
    [{ price_cents: Number.NaN }, "price"],
    [{ credit_nanos: 0 as Nanos }, "credit"],
    [{ vip_days: -1 }, "vip-days"],
    [{ vip_days: 3_661 }, "vip-days"],
    [{ position: -1 }, "position"],
    [{ position: 1.5 }, "position"],
  ])("cannot be %j: the refusal names %s", async (wrong, field) => {
    const { read, set } = await openPackages()
    await expect(set(wrong)).rejects.toMatchObject({
      reason: "invalid",
      message: expect.stringContaining(`${field} must be `),
      detail: { field },
    })
    expect(await listPackages(read, "all")).toHaveLength(7)
  })
})
