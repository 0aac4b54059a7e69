/** Fifty claims at once through the whole server: each reward is given once, whoever asks for it and however. */
import { describe, expect, test } from "bun:test"
import { DEMO_ONLY, openTestApp, readBooks, type TestApp, type TestCustomer } from "../../support/app.ts"
import { DAY_MS } from "../../support/rewards.ts"

const CHECK_IN = "/api/v1/daily-checkin"
const SHARE = "/api/v1/share-credit"
const postUrl = "https://x.com/ada/status/1234567890"

const transfersOf = ({ app }: TestApp, kind: string) =>
  app.store.read.all<{ id: string }>("SELECT id FROM ledger_transfer WHERE kind = ?", kind)

/** An app whose customers are old enough, and claims by each of them at the same time. */
async function openRace(customer_count = 1) {
  const app = await openTestApp({ env: DEMO_ONLY })
  const customers: TestCustomer[] = []
  for (let count = 0; count < customer_count; count++) customers.push(await app.createCustomer())
  app.clock.advance(DAY_MS)
  app.events.length = 0
  async function race(path: string, bodyOf: (index: number) => unknown, headers = {}): Promise<number[]> {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => {
        const { key, system_token } = customers[index % customer_count]!
        return app.send(path, { key: index % 2 === 0 ? key : system_token, body: bodyOf(index), headers })
      }),
    )
    return answers.map(answer => answer.status).toSorted()
  }
  const once = (status: number) => [200, ...Array<number>(49).fill(status)]
  return { ...app, customers, race, once }
}

describe("fifty claims at once", () => {
  test("of a customer's check-in give it once", async () => {
    await using app = await openRace()
    expect(await app.race(`${CHECK_IN}/claim`, () => ({}))).toEqual(app.once(409))
    expect(await transfersOf(app, "checkin")).toHaveLength(1)
    expect((await readBooks(app, app.customers[0]!)).free_nanos).toBe(10_050_000_000)
    expect(app.events.filter(event => event.name === "reward-claimed")).toHaveLength(1)
  })

  test("with one Idempotency-Key are one claim, and its repeats are given its answer", async () => {
    await using app = await openRace()
    const headers = { "idempotency-key": "claim-1" }
    const statuses = await app.race(`${CHECK_IN}/claim`, () => ({}), headers)
    expect(statuses.filter(status => status !== 200 && status !== 409)).toEqual([])
    const { key } = app.customers[0]!
    const again = await app.send(`${CHECK_IN}/claim`, { key, body: {}, headers })
    expect([again.status, await again.json()]).toMatchObject([200, { amountUsd: "0.05", streakDays: 1 }])
    const other = await app.send(`${CHECK_IN}/claim`, { key, body: { deviceId: "another-one" }, headers })
    expect([other.status, await other.json()]).toMatchObject([422, { code: "idempotency_mismatch" }])
    expect(await transfersOf(app, "checkin")).toHaveLength(1)
  })

  test("on one device by as many customers give the check-in to one of them", async () => {
    await using app = await openRace(50)
    const statuses = await app.race(`${CHECK_IN}/claim`, () => ({ deviceId: "one-device" }))
    expect(statuses).toEqual(app.once(403))
    expect(await transfersOf(app, "checkin")).toHaveLength(1)
  })

  test("of a customer's share credit, each with another post, give it once", async () => {
    await using app = await openRace()
    const bodyOf = (index: number) => ({ postUrl: `https://x.com/ada/status/${index + 1}` })
    expect(await app.race(`${SHARE}/claim`, bodyOf)).toEqual(app.once(409))
    expect(await transfersOf(app, "share")).toHaveLength(1)
    expect((await readBooks(app, app.customers[0]!)).free_nanos).toBe(11_000_000_000)
  })

  test("of one post by as many customers give the share credit to one of them", async () => {
    await using app = await openRace(50)
    expect(await app.race(`${SHARE}/claim`, () => ({ postUrl }))).toEqual(app.once(409))
    expect(await transfersOf(app, "share")).toHaveLength(1)
  })
})
