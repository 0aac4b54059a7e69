/** Codes that prove an address: what they are, how long they are good, and that they cannot be guessed. */
import { describe, expect, test } from "bun:test"
import { getCustomer } from "../../src/auth/customers.ts"
import { confirmEmailCode, type EmailClaim, issueEmailCode } from "../../src/auth/email-codes.ts"
import { type AnyEvent, createEvents } from "../../src/platform/events.ts"
import { openIdentity } from "../support/identity.ts"

const email = "ada@new.example"
const MINUTE_MS = 60_000

async function open() {
  const identity = openIdentity()
  const events: AnyEvent[] = []
  const needs = { ...identity, events: createEvents() }
  needs.events.listen(event => events.push(event))
  const mine = await identity.addCustomer({ email: "ada@example.com" })
  const other = await identity.addCustomer({ email: "bob@example.com" })
  const issue = (claim: Partial<EmailClaim> = {}) =>
    identity.store.tx(q => issueEmailCode(q, needs, { customer_id: mine, email, ...claim }))
  const confirm = (code: string, claim: Partial<EmailClaim> = {}) =>
    identity.store.tx(q => confirmEmailCode(q, needs, { customer_id: mine, email, code, ...claim }))
  const read = (id: string) => getCustomer(identity.store.read, id)
  return { ...identity, needs, mine, other, events, issue, confirm, read }
}

/** Another code of six digits. */
const otherThan = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, "0")

describe("a code", () => {
  test("has six digits, also when they begin with zeros", async () => {
    const { needs, store, mine } = await open()
    const issue = (bytes: number[]) =>
      store.tx(async q => {
        await q.run("DELETE FROM email_code")
        const random = () => Uint8Array.from(bytes)
        return issueEmailCode(q, { ...needs, random }, { customer_id: mine, email })
      })
    expect(await issue([0, 0, 0, 0, 0, 7])).toBe("000007")
    expect(await issue([0, 0, 0, 0x0f, 0x42, 0x3f])).toBe("999999")
    expect(await issue([0, 0, 0, 0x0f, 0x42, 0x40])).toBe("000000")
  })

  test("is not in the database, and the same code of another customer has another hash", async () => {
    const { needs, store, mine, other } = await open()
    for (const customer_id of [mine, other]) {
      const random = () => Uint8Array.from([0, 0, 0, 1, 2, 3])
      expect(await store.tx(q => issueEmailCode(q, { ...needs, random }, { customer_id, email }))).toBe(
        "066051",
      )
    }
    const rows = await store.read.all<{ code_hash: string }>("SELECT * FROM email_code")
    expect(JSON.stringify(rows)).not.toContain("066051")
    expect(new Set(rows.map(row => row.code_hash)).size).toBe(2)
  })

  test("comes once a minute; the wait is told, and the new one replaces the old", async () => {
    const { issue, confirm, clock } = await open()
    const first = await issue()
    clock.advance(MINUTE_MS - 1)
    await expect(issue({ email: "ada@other.example" })).rejects.toMatchObject({
      reason: "rate_limited",
      detail: { code: "email_code_too_soon", retry_after_ms: 1 },
    })
    clock.advance(1)
    const second = await issue()
    expect(await confirm(first)).toEqual({ kind: "wrong", tries_left: 4 })
    expect(await confirm(second)).toMatchObject({ kind: "confirmed" })
  })

  test("of fifty asked for at once exactly one is made", async () => {
    const { issue } = await open()
    const tries = await Promise.allSettled(Array.from({ length: 50 }, () => issue()))
    expect(tries.filter(one => one.status === "fulfilled")).toHaveLength(1)
  })
})

describe("codes within a day", () => {
  const HOUR_MS = 60 * MINUTE_MS
  const tooMany = (retry_after_ms: number) => ({
    reason: "rate_limited",
    message: expect.stringMatching(/^10 codes were mailed within a day\. Ask for another in \d+ h\.$/),
    detail: { code: "too_many_email_codes", retry_after_ms },
  })

  test("are ten for a customer, whoever they are sent to, until the first of them is a day old", async () => {
    const { issue, confirm, other, clock, store } = await open()
    for (let count = 0; count < 10; count++) {
      const code = await issue({ email: `ada@host${count}.example` })
      // Using one up makes no room.
      if (count === 0) await confirm(code, { email: `ada@host${count}.example` })
      clock.advance(HOUR_MS)
    }
    await expect(issue()).rejects.toMatchObject(tooMany(14 * HOUR_MS))
    expect(await issue({ customer_id: other })).toMatch(/^\d{6}$/)
    clock.advance(14 * HOUR_MS - 1)
    await expect(issue()).rejects.toMatchObject(tooMany(1))
    clock.advance(1)
    await issue()
    await expect(issue()).rejects.toMatchObject({ detail: { code: "email_code_too_soon" } })
    clock.advance(MINUTE_MS)
    await expect(issue()).rejects.toMatchObject(tooMany(HOUR_MS - MINUTE_MS))
    // What is older than a day is forgotten, and no address is kept in clear.
    const rows = await store.read.all("SELECT * FROM email_code_issue")
    expect(rows).toHaveLength(11)
    expect(JSON.stringify(rows)).not.toContain("example")
  })

  test("are ten for a mailbox, whoever asks and however its address is written", async () => {
    const { issue, addCustomer, clock } = await open()
    const spell = (count: number) => (count % 2 ? `a.da+${count}@gmail.com` : "Ada@googlemail.com")
    const from = async (count: number) => issue({ customer_id: await addCustomer(), email: spell(count) })
    for (let count = 0; count < 10; count++) await from(count)
    await expect(from(10)).rejects.toMatchObject({ detail: { code: "too_many_email_codes" } })
    expect(await issue({ email: "bob@gmail.com" })).toMatch(/^\d{6}$/)
    clock.advance(24 * HOUR_MS)
    expect(await from(11)).toMatch(/^\d{6}$/)
  })

  test("are ten for a mailbox also when fifty customers ask at once", async () => {
    const { needs, store, addCustomer } = await open()
    const ids: string[] = []
    for (let count = 0; count < 50; count++) ids.push(await addCustomer())
    const ask = (customer_id: string) => store.tx(q => issueEmailCode(q, needs, { customer_id, email }))
    const tries = await Promise.allSettled(ids.map(ask))
    expect(tries.filter(one => one.status === "fulfilled")).toHaveLength(10)
  })
})

describe("confirming", () => {
  test("makes the address the customer's, verified now, and tells it", async () => {
    const { issue, confirm, clock, events, mine, read } = await open()
    const code = await issue({ email: " Ada@New.example" })
    expect(await read(mine)).toMatchObject({ email: "ada@example.com", email_verified_at: null })
    clock.advance(1_000)
    const customer = { id: mine, email, email_verified_at: clock.now() }
    expect(await confirm(code, { email: "ADA@new.example" })).toMatchObject({ kind: "confirmed", customer })
    expect(await read(mine)).toMatchObject(customer)
    expect(events).toEqual([{ name: "email-verified", data: { customer_id: mine } }])
  })

  test("uses the code up: of fifty at once exactly one confirms", async () => {
    const { issue, confirm, events } = await open()
    const code = await issue()
    const kinds = await Promise.all(Array.from({ length: 50 }, async () => (await confirm(code)).kind))
    expect(kinds.filter(kind => kind === "confirmed")).toHaveLength(1)
    expect(kinds.filter(kind => kind === "void")).toHaveLength(49)
    expect(events).toHaveLength(1)
  })

  test("is void without a code, for another address, and with another customer's code", async () => {
    const { issue, confirm, other, read, events } = await open()
    expect(await confirm("123456")).toEqual({ kind: "void" })
    const code = await issue()
    expect(await confirm(code, { email: "ada@other.example" })).toEqual({ kind: "void" })
    expect(await confirm(code, { customer_id: other })).toEqual({ kind: "void" })
    await issue({ customer_id: other })
    expect(await confirm(code, { customer_id: other })).toMatchObject({ kind: "wrong" })
    expect(await read(other)).toMatchObject({ email: "bob@example.com", email_verified_at: null })
    expect(events).toEqual([])
  })

  test("works until 15 minutes have passed", async () => {
    const { issue, confirm, clock } = await open()
    const late = await issue()
    clock.advance(15 * MINUTE_MS)
    expect(await confirm(late)).toEqual({ kind: "void" })
    const code = await issue()
    clock.advance(15 * MINUTE_MS - 1)
    expect(await confirm(code)).toMatchObject({ kind: "confirmed" })
  })

  test("has five tries: then the right code is void too, until there is a new one", async () => {
    const { issue, confirm, clock } = await open()
    const code = await issue()
    for (const tries_left of [4, 3, 2, 1, 0]) {
      expect(await confirm(otherThan(code))).toEqual({ kind: "wrong", tries_left })
    }
    expect(await confirm(code)).toEqual({ kind: "void" })
    clock.advance(MINUTE_MS)
    expect(await confirm(await issue())).toMatchObject({ kind: "confirmed" })
  })

  test("the fifth try may be right", async () => {
    const { issue, confirm } = await open()
    const code = await issue()
    for (let count = 0; count < 4; count++) await confirm(otherThan(code))
    expect(await confirm(code)).toMatchObject({ kind: "confirmed" })
  })

  test("of a thousand guesses at once five are looked at", async () => {
    const { issue, confirm } = await open()
    const code = await issue()
    const guesses = Array.from({ length: 1_000 }, () => confirm(otherThan(code)))
    const kinds = (await Promise.all(guesses)).map(one => one.kind)
    expect(kinds.filter(kind => kind === "wrong")).toHaveLength(5)
  })

  test("an address that another customer took in the meantime is refused, and stays theirs", async () => {
    const { issue, confirm, other, mine, read, store, events } = await open()
    const code = await issue()
    await store.tx(q => q.run("UPDATE customer SET email = ? WHERE id = ?", email, other))
    await expect(confirm(code)).rejects.toMatchObject({ reason: "conflict", detail: { code: "email_taken" } })
    expect(await read(mine)).toMatchObject({ email: "ada@example.com", email_verified_at: null })
    expect(events).toEqual([])
  })
})
