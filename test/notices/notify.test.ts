/** Telling a customer something: once for a key, with or without mail, together with what it tells of. */
import { describe, expect, test } from "bun:test"
import { verifyEmail } from "../../src/auth/customers.ts"
import { enqueueMail, type Notice, notify } from "../../src/notices/notify.ts"
import { openTestApp, type TestApp } from "../support/app.ts"

const MAIL = { smtp_url: "smtp://127.0.0.1:1", from: "CodexAPI <billing@codexapi.example>" }
const withMail = () => openTestApp({ config: { mail: MAIL } })

const noticeFor = (customer: { id: string }, notice: Partial<Notice> = {}): Notice => ({
  customer_id: customer.id,
  kind: "receipt",
  key: "receipt:pur_1",
  subject: "Your receipt",
  body: "You paid $10.00.",
  ...notice,
})

const tell = ({ app }: TestApp, notice: Notice) => app.store.tx(q => notify(q, app, notice))
const messagesOf = ({ app }: TestApp) => app.store.read.all<{ id: string }>("SELECT * FROM inbox_message")
const mailOf = ({ app }: TestApp) => app.store.read.all<{ id: string }>("SELECT * FROM mail_outbox")

describe("a notice", () => {
  test("is an inbox message and a mail with the same words, and is told of once", async () => {
    await using app = await withMail()
    const customer = await app.createCustomer({ is_verified: true })
    expect(await tell(app, noticeFor(customer))).toBe(true)
    const [message] = await messagesOf(app)
    const now = app.clock.now()
    const words = { customer_id: customer.id, subject: "Your receipt", body: "You paid $10.00." }
    expect(message).toEqual({
      ...words,
      id: expect.stringMatching(/^msg_/),
      kind: "receipt",
      key: "receipt:pur_1",
      created_at: now,
      read_at: null,
    } as never)
    const message_id = (await messagesOf(app))[0]!.id
    expect(await mailOf(app)).toEqual([
      {
        ...words,
        id: expect.stringMatching(/^mail_/),
        message_id,
        recipient: customer.email,
        state: "queued",
        attempt_count: 0,
        next_attempt_at: now,
        boot_id: null,
        failure: null,
        created_at: now,
        sent_at: null,
      } as never,
    ])
    const data = { customer_id: customer.id, message_id, kind: "receipt" }
    expect(app.events).toEqual([{ name: "notice-written", data }])
  })

  test("is an inbox message only where mail is not configured", async () => {
    await using app = await openTestApp()
    expect(await tell(app, noticeFor(await app.createCustomer({ is_verified: true })))).toBe(true)
    expect(await messagesOf(app)).toHaveLength(1)
    expect(await mailOf(app)).toEqual([])
  })

  test("is not mailed to an address that nobody has proven, until it is: it may be a stranger's", async () => {
    await using app = await withMail()
    const customer = await app.createCustomer()
    expect(await tell(app, noticeFor(customer))).toBe(true)
    expect(await messagesOf(app)).toHaveLength(1)
    expect(await mailOf(app)).toEqual([])
    const { id, email } = customer
    await app.app.store.tx(q => verifyEmail(q, { id, email, verified_at: 1 }))
    await tell(app, noticeFor(customer, { key: "receipt:pur_2" }))
    expect(await mailOf(app)).toMatchObject([{ recipient: email }])
  })

  test("whose key was written before changes nothing, whatever it says", async () => {
    await using app = await withMail()
    const [customer, other] = [
      await app.createCustomer({ is_verified: true }),
      await app.createCustomer({ is_verified: true }),
    ]
    await tell(app, noticeFor(customer))
    const before = [await messagesOf(app), await mailOf(app)]
    for (const notice of [noticeFor(customer, { subject: "Another" }), noticeFor(other)])
      expect(await tell(app, notice)).toBe(false)
    expect([await messagesOf(app), await mailOf(app)]).toEqual(before)
    expect(app.events).toHaveLength(1)
  })

  test("given fifty times at once is one message, one mail and one event", async () => {
    await using app = await withMail()
    const customer = await app.createCustomer({ is_verified: true })
    const told = await Promise.all(Array.from({ length: 50 }, () => tell(app, noticeFor(customer))))
    expect(told.filter(Boolean)).toHaveLength(1)
    expect(await messagesOf(app)).toHaveLength(1)
    expect(await mailOf(app)).toHaveLength(1)
    expect(app.events).toHaveLength(1)
  })

  test("is not written when what it tells of is not", async () => {
    await using app = await withMail()
    const customer = await app.createCustomer({ is_verified: true })
    const job = app.app.store.tx(async q => {
      await notify(q, app.app, noticeFor(customer))
      throw new Error("no payment after all")
    })
    await expect(job).rejects.toThrow("no payment after all")
    expect([...(await messagesOf(app)), ...(await mailOf(app)), ...app.events]).toEqual([])
    expect(await tell(app, noticeFor(customer))).toBe(true)
  })

  test("has a subject of one line, whatever it was made of", async () => {
    await using app = await withMail()
    const subject = "  Package\r\nBcc: eve@example.com\u0000\u2028 for you\t"
    await tell(app, noticeFor(await app.createCustomer({ is_verified: true }), { subject }))
    for (const row of [...(await messagesOf(app)), ...(await mailOf(app))])
      expect(row).toMatchObject({ subject: "Package Bcc: eve@example.com for you" })
  })

  test("for a customer who does not exist is refused, and nothing is written", async () => {
    await using app = await withMail()
    await expect(tell(app, noticeFor({ id: "cus_nobody" }))).rejects.toThrow()
    expect([...(await messagesOf(app)), ...(await mailOf(app)), ...app.events]).toEqual([])
  })
})

describe("mail without a message, such as the code that proves an address", () => {
  const enqueue = ({ app }: TestApp, customer: { id: string }, recipient: string) =>
    app.store.tx(q =>
      enqueueMail(q, app, {
        customer_id: customer.id,
        recipient,
        subject: "Your\ncode",
        body: "The code is 123456.",
      }),
    )

  test("is queued before every notice, and fires nothing", async () => {
    await using app = await withMail()
    const customer = await app.createCustomer()
    expect(await enqueue(app, customer, "new@example.com")).toBe(true)
    expect(await mailOf(app)).toMatchObject([
      { message_id: null, recipient: "new@example.com", subject: "Your code", next_attempt_at: 0 },
    ])
    expect([...(await messagesOf(app)), ...app.events]).toEqual([])
  })

  test("is not queued where mail is not configured, and says so", async () => {
    await using app = await openTestApp()
    expect(await enqueue(app, await app.createCustomer(), "new@example.com")).toBe(false)
    expect(await mailOf(app)).toEqual([])
  })

  test.each(["", "ada", "a@b.example\r\nBcc: eve@example.com", "a@b.example, eve@example.com"])(
    "to %j is refused, naming the field",
    async recipient => {
      await using app = await withMail()
      const queued = enqueue(app, await app.createCustomer(), recipient)
      await expect(queued).rejects.toMatchObject({
        reason: "unprocessable",
        detail: { code: "invalid_email", field: "email" },
      })
      expect(await mailOf(app)).toEqual([])
    },
  )
})
