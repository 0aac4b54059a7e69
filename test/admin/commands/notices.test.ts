/** The operator's commands for announcements and for the mail that leaves. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { createCustomer } from "../../../src/auth/customers.ts"
import { deliverOutbox, MailFailure } from "../../../src/notices/outbox.ts"
import { openTestApp, type TestApp } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

const MAIL = { smtp_url: "smtp://127.0.0.1:1", from: "CodexAPI <billing@codexapi.example>" }
const WORDS = ["--subject", "Maintenance", "--body", "On Sunday."]

const inboxOf = async (app: TestApp, { key }: { key: string }) =>
  (
    await app.sendJson<{ data: { kind: string; subject: string; body: string }[] }>("/api/v1/messages", {
      key,
    })
  ).data

describe("message send", () => {
  test("tells one customer, by id or address, and nobody else", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    const sent = await runForRecord(app, "message send", "--customer", mine.email, ...WORDS)
    expect(sent).toEqual({ id: expect.stringMatching(/^ann_/), customerCount: 1, writtenCount: 1 })
    expect(await inboxOf(app, mine)).toMatchObject([
      { kind: "announcement", subject: "Maintenance", body: "On Sunday." },
    ])
    expect(await inboxOf(app, other)).toEqual([])
    expect(app.events).toMatchObject([
      { name: "notice-written", data: { customer_id: mine.id, kind: "announcement" } },
    ])
  })

  test("tells all active customers, however many pages they fill, with mail to proven addresses", async () => {
    await using app = await openTestApp({ config: { mail: MAIL } })
    await app.app.store.tx(async q => {
      for (let number = 1; number <= 200; number++)
        await createCustomer(q, app.app, { email: `many${number}@example.com`, password_hash: "none" })
      await q.run("UPDATE customer SET email_verified_at = 1 WHERE email <> 'many200@example.com'")
    })
    const suspended = await app.createCustomer()
    await runCommand(app, "customer suspend", "--customer", suspended.id)
    const sent = await runForRecord(app, "message send", "--all", "--id", "m-1", ...WORDS)
    expect(sent).toEqual({ id: "m-1", customerCount: 200, writtenCount: 200 })
    const told = "SELECT DISTINCT customer_id FROM inbox_message WHERE customer_id <> ?"
    expect(await app.app.store.read.all(told, suspended.id)).toHaveLength(200)
    expect(await app.app.store.read.all("SELECT DISTINCT recipient FROM mail_outbox")).toHaveLength(199)
  })

  test("with --id reaches on a repeat only those who were missed, fifty times at once too", async () => {
    await using app = await openTestApp({ config: { mail: MAIL } })
    const first = await app.createCustomer({ is_verified: true })
    await runCommand(app, "message send", "--customer", first.id, "--id", "m-1", ...WORDS)
    const second = await app.createCustomer({ is_verified: true })
    const toAll = () => runForRecord(app, "message send", "--all", "--id", "m-1", ...WORDS)
    const outputs = await Promise.all(Array.from({ length: 50 }, toAll))
    expect(outputs.map(one => one.writtenCount).toSorted()).toEqual([...Array(49).fill(0), 1])
    for (const customer of [first, second]) expect(await inboxOf(app, customer)).toHaveLength(1)
    expect(await app.app.store.read.all("SELECT id FROM mail_outbox")).toHaveLength(2)
  })

  test("without --id is a new announcement each time", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    for (let count = 0; count < 2; count++) await runCommand(app, "message send", "--all", ...WORDS)
    expect(await inboxOf(app, mine)).toHaveLength(2)
  })

  test("the same --id with other words is a conflict", async () => {
    await using app = await openTestApp()
    await app.createCustomer()
    await runCommand(app, "message send", "--all", "--id", "m-1", ...WORDS)
    const again = runCommand(app, "message send", "--all", "--id", "m-1", "--subject", "x", "--body", "y")
    await expect(again).rejects.toMatchObject({ reason: "conflict" })
  })

  test("needs either a customer or all, and one that exists", async () => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer()
    const send = (...words: string[]) => runCommand(app, "message send", ...words, ...WORDS)
    await expect(send()).rejects.toBeInstanceOf(UsageError)
    await expect(send("--all", "--customer", id)).rejects.toBeInstanceOf(UsageError)
    await expect(send("--customer", "cus_nobody")).rejects.toMatchObject({ reason: "not_found" })
    await expect(send("--customer", "no@example.com")).rejects.toBeInstanceOf(UsageError)
    expect(app.events).toEqual([])
  })
})

describe("mail list and mail retry", () => {
  /** A customer who was told two things; the mail of the first has failed. */
  async function openScene() {
    const app = await openTestApp({ config: { mail: MAIL } })
    const { id, email } = await app.createCustomer({ is_verified: true })
    await runCommand(app, "message send", "--customer", id, "--subject", "First", "--body", "1")
    const sendMail = async () => {
      throw new MailFailure("permanent", "no such user")
    }
    await deliverOutbox({ ...app.app, sendMail })
    app.clock.advance(1)
    await runCommand(app, "message send", "--customer", id, "--subject", "Second", "--body", "2")
    return { app, id, email, needs: app.app, [Symbol.asyncDispose]: app.close }
  }

  test("show what became of each, newest first, and one state alone", async () => {
    await using scene = await openScene()
    const listed = (await runCommand(scene.app, "mail list")) as Record<string, unknown>[]
    const row = { customerId: scene.id, recipient: scene.email, sentAt: null }
    expect(listed).toMatchObject([
      {
        ...row,
        subject: "Second",
        state: "queued",
        attemptCount: 0,
        nextAttemptAt: "2026-01-02T03:04:05.002Z",
      },
      {
        ...row,
        subject: "First",
        state: "failed",
        attemptCount: 1,
        nextAttemptAt: null,
        failure: "no such user",
        createdAt: "2026-01-02T03:04:05.001Z",
      },
    ])
    expect(await runCommand(scene.app, "mail list", "--state", "failed")).toEqual(listed.slice(1))
    expect(await runCommand(scene.app, "mail list", "--limit", "1")).toEqual(listed.slice(0, 1))
    expect(await runCommand(scene.app, "mail list", "--state", "sent")).toEqual([])
    const words = [["--state", "lost"], ["--limit", "0"], ["--limit=-1"]]
    for (const wrong of words)
      await expect(runCommand(scene.app, "mail list", ...wrong)).rejects.toBeInstanceOf(UsageError)
  })

  test("send what failed once more when the operator says so", async () => {
    await using scene = await openScene()
    const [failed] = (await runCommand(scene.app, "mail list", "--state", "failed")) as { id: string }[]
    const { id } = failed!
    expect(await runCommand(scene.app, "mail retry", "--id", id)).toEqual({ id, state: "queued" })
    await expect(runCommand(scene.app, "mail retry", "--id", id)).rejects.toMatchObject({
      reason: "conflict",
    })
    const again = runCommand(scene.app, "mail retry", "--id", "mail_nobody")
    await expect(again).rejects.toMatchObject({ reason: "not_found" })
    const sent: string[] = []
    await deliverOutbox({ ...scene.needs, sendMail: async mail => void sent.push(mail.subject) })
    expect(sent.toSorted()).toEqual(["First", "Second"])
    expect(await runCommand(scene.app, "mail list", "--state", "sent")).toHaveLength(2)
  })
})
