/** The outbox against a real mail server: sent once, tried again, given up, and never sent twice whatever dies. */
import { describe, expect, test } from "bun:test"
import { enqueueMail, notify } from "../../src/notices/notify.ts"
import {
  deliverOutbox,
  listMail,
  MailFailure,
  type OutboxNeeds,
  retryMail,
} from "../../src/notices/outbox.ts"
import { createSendMail } from "../../src/notices/smtp.ts"
import { openTestApp, type TestApp } from "../support/app.ts"
import { openSmtpStage, type SmtpManners, type SmtpStage } from "../support/smtp.ts"

interface Scene extends TestApp {
  stage: SmtpStage
  needs: OutboxNeeds
  customer: { id: string; email: string }
  /** Writes so many notices, a millisecond apart, each with its mail. */
  tell(count: number): Promise<void>
}

const LIMITS = { connect_ms: 3000, silence_ms: 3000, whole_ms: 5000 }

/** A server with a mail server and a customer. */
async function openScene(manners: SmtpManners = {}): Promise<Scene> {
  const stage = await openSmtpStage(manners)
  const test_app = await openTestApp({ config: { mail: stage.config } })
  const { app, clock, events } = test_app
  const customer = await test_app.createCustomer({ is_verified: true })
  async function close(): Promise<void> {
    await stage.close()
    await test_app.close()
  }
  return {
    ...test_app,
    stage,
    needs: { ...app, sendMail: createSendMail(stage.config, LIMITS) },
    customer,
    async tell(count) {
      for (let number = 1; number <= count; number++) {
        clock.advance(1)
        const words = { subject: `Receipt ${number}`, body: "You paid." }
        const key = `receipt:${number}`
        await app.store.tx(q => notify(q, app, { customer_id: customer.id, kind: "receipt", key, ...words }))
      }
      events.length = 0
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Row {
  id: string
  state: string
  attempt_count: number
  next_attempt_at: number
  boot_id: string | null
  failure: string | null
  sent_at: number | null
  body: string
}
const rowsOf = ({ app }: TestApp) => app.store.read.all<Row>("SELECT * FROM mail_outbox ORDER BY id")

const MINUTE_MS = 60_000
const failWith = (fate: MailFailure["fate"]) => async () => {
  throw new MailFailure(fate, `as the test wants: ${fate}`)
}

describe.concurrent("a pass", () => {
  test("sends what is due, notes it, and keeps no copy of the words", async () => {
    await using scene = await openScene()
    await scene.tell(2)
    expect(await deliverOutbox(scene.needs)).toBe(2)
    expect(scene.stage.accepted.map(mail => mail.recipients)).toEqual([
      [scene.customer.email],
      [scene.customer.email],
    ])
    const sent_at = scene.clock.now()
    const rows = await rowsOf(scene)
    for (const row of rows)
      expect(row).toMatchObject({ state: "sent", sent_at, attempt_count: 1, body: "", failure: null })
    expect(scene.events.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toEqual(
      rows.map(({ id }) => ({ name: "mail-sent", data: { mail_id: id } })),
    )
    expect(await deliverOutbox(scene.needs)).toBe(0)
    expect(scene.stage.accepted).toHaveLength(2)
  })

  test("has made a mail its own durably before the mail server is spoken to", async () => {
    await using scene = await openScene()
    const seen: Row[] = []
    scene.stage.manners = {
      // The reader is a connection of its own: it sees what is committed.
      greets: async () => void seen.push(...(await rowsOf(scene))),
    }
    await scene.tell(1)
    await deliverOutbox(scene.needs)
    expect(seen).toMatchObject([{ state: "sending", boot_id: scene.app.boot_id, attempt_count: 1 }])
  })

  test("sends codes before notices that are older", async () => {
    await using scene = await openScene()
    await scene.tell(6)
    const { id: customer_id, email: recipient } = scene.customer
    const mail = { customer_id, recipient, subject: "Your code", body: "123456" }
    await scene.app.store.tx(q => enqueueMail(q, scene.app, mail))
    const subjects: string[] = []
    await deliverOutbox({ ...scene.needs, sendMail: async mail => void subjects.push(mail.subject) })
    expect(subjects).toHaveLength(7)
    expect(subjects[0]).toBe("Your code")
  })

  test("takes nothing new after five seconds: the rest is for the next one", async () => {
    await using scene = await openScene()
    await scene.tell(20)
    const needs = { ...scene.needs, sendMail: async () => scene.clock.advance(2000) }
    const first = await deliverOutbox(needs)
    expect(first).toBeGreaterThan(2)
    expect(first).toBeLessThan(9)
    expect((await rowsOf(scene)).filter(row => row.state === "queued")).toHaveLength(20 - first)
  })

  test("does not take what is due later", async () => {
    await using scene = await openScene()
    await scene.tell(1)
    await deliverOutbox({ ...scene.needs, sendMail: failWith("temporary") })
    scene.clock.advance(MINUTE_MS - 1)
    expect(await deliverOutbox(scene.needs)).toBe(0)
    scene.clock.advance(1)
    expect(await deliverOutbox(scene.needs)).toBe(1)
  })
})

describe.concurrent("passes at the same time", () => {
  test("never take the same mail: ten for a dozen mails send each once", async () => {
    await using scene = await openScene()
    await scene.tell(12)
    const counts = await Promise.all(Array.from({ length: 10 }, () => deliverOutbox(scene.needs)))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(12)
    const ids = scene.stage.accepted.map(({ content }) => /Message-ID: <(mail_\w+)@/.exec(content)?.[1])
    expect(ids.toSorted()).toEqual((await rowsOf(scene)).map(row => row.id))
    expect(scene.events).toHaveLength(12)
  })

  test("fifty notices with one key and fifty passes make one mail", async () => {
    await using scene = await openScene()
    const notice = { customer_id: scene.customer.id, kind: "receipt", key: "receipt:1" } as const
    const words = { subject: "Receipt", body: "You paid." }
    const both = () => [
      scene.app.store.tx(q => notify(q, scene.app, { ...notice, ...words })),
      deliverOutbox(scene.needs),
    ]
    await Promise.all(Array.from({ length: 50 }, both).flat())
    expect(scene.stage.accepted).toHaveLength(1)
    expect(scene.events.map(event => event.name)).toEqual(["notice-written", "mail-sent"])
  })
})

describe.concurrent("a mail that was refused", () => {
  test("for now is tried eight times within a day, less and less often, and then has failed", async () => {
    await using scene = await openScene()
    await scene.stage.close()
    await scene.tell(1)
    const waits: number[] = []
    for (let count = 1; count < 8; count++) {
      expect(await deliverOutbox(scene.needs)).toBe(0)
      const [row] = await rowsOf(scene)
      expect(row).toMatchObject({ state: "queued", attempt_count: count, body: "You paid." })
      expect(row!.failure).toContain("ECONNREFUSED")
      waits.push((row!.next_attempt_at - scene.clock.now()) / MINUTE_MS)
      scene.clock.advance(row!.next_attempt_at - scene.clock.now())
    }
    expect(waits).toEqual([1, 5, 15, 60, 180, 360, 720])
    expect(scene.events).toEqual([])
    await deliverOutbox(scene.needs)
    const [row] = await rowsOf(scene)
    expect(row).toMatchObject({ state: "failed", attempt_count: 8 })
    expect(scene.events).toEqual([{ name: "mail-failed", data: { mail_id: row!.id, state: "failed" } }])
    scene.clock.advance(7 * 24 * 60 * MINUTE_MS)
    await deliverOutbox(scene.needs)
    expect(await rowsOf(scene)).toEqual([row!])
  })

  test("for now arrives once the server takes it", async () => {
    await using scene = await openScene({ takesRecipient: () => 450 })
    await scene.tell(1)
    expect(await deliverOutbox(scene.needs)).toBe(0)
    scene.stage.manners = {}
    scene.clock.advance(MINUTE_MS)
    expect(await deliverOutbox(scene.needs)).toBe(1)
    expect(await rowsOf(scene)).toMatchObject([{ state: "sent", attempt_count: 2, failure: null }])
  })

  test("for good has failed at once, with the server's words", async () => {
    await using scene = await openScene({ takesRecipient: () => 550 })
    await scene.tell(1)
    await deliverOutbox(scene.needs)
    const [row] = await rowsOf(scene)
    expect(row).toMatchObject({ state: "failed", attempt_count: 1 })
    expect(row!.failure).toContain("550 as the test wants")
    expect(scene.events).toEqual([{ name: "mail-failed", data: { mail_id: row!.id, state: "failed" } }])
  })

  test("because its customer has no real address has failed, and the others went", async () => {
    await using scene = await openScene()
    const bad = await scene.createCustomer({
      email: "eve@example.com, mallory@example.com",
      is_verified: true,
    })
    const words = { kind: "receipt", subject: "Receipt", body: "You paid." } as const
    await scene.app.store.tx(async q => {
      await notify(q, scene.app, { ...words, customer_id: bad.id, key: "receipt:bad" })
      await notify(q, scene.app, { ...words, customer_id: scene.customer.id, key: "receipt:good" })
    })
    expect(await deliverOutbox(scene.needs)).toBe(1)
    expect((await rowsOf(scene)).map(row => row.state).toSorted()).toEqual(["failed", "sent"])
  })
})

describe.concurrent("a mail whose fate is not known is never sent again by itself", () => {
  async function expectUnknown(scene: Scene, failure: string): Promise<void> {
    const [row] = await rowsOf(scene)
    expect(row).toMatchObject({ state: "unknown" })
    expect(row!.failure).toContain(failure)
    expect(scene.events).toEqual([{ name: "mail-failed", data: { mail_id: row!.id, state: "unknown" } }])
    scene.stage.manners = {}
    scene.clock.advance(7 * 24 * 60 * MINUTE_MS)
    for (const boot_id of [scene.app.boot_id, "boot_later"])
      expect(await deliverOutbox({ ...scene.needs, boot_id })).toBe(0)
    expect(scene.stage.accepted).toEqual([])
    expect(await rowsOf(scene)).toEqual([row!])
  }

  test("when the server hung up after the content", async () => {
    await using scene = await openScene()
    scene.stage.manners = {
      takesContent() {
        scene.stage.cut()
        return new Promise(() => {})
      },
    }
    await scene.tell(1)
    expect(await deliverOutbox(scene.needs)).toBe(0)
    await expectUnknown(scene, "Connection closed unexpectedly")
  })

  test("when sending failed in a way that nobody thought of, which is logged", async () => {
    await using scene = await openScene()
    await scene.tell(1)
    const sendMail = async () => {
      throw new TypeError("canary of a bug")
    }
    await deliverOutbox({ ...scene.needs, sendMail })
    expect(JSON.parse(scene.logs[0]!)).toMatchObject({ level: "error", error: "canary of a bug" })
    await expectUnknown(scene, "canary of a bug")
  })

  test("when the server that sent it died: the next run finds it, and a late answer changes nothing", async () => {
    await using scene = await openScene()
    const reached = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<undefined>()
    scene.stage.manners = {
      takesContent() {
        reached.resolve()
        return answer.promise.then(() => 452)
      },
    }
    await scene.tell(1)
    const dead = deliverOutbox(scene.needs)
    await reached.promise
    expect(await deliverOutbox({ ...scene.needs, boot_id: "boot_next" })).toBe(0)
    answer.resolve(undefined)
    expect(await dead).toBe(0)
    await expectUnknown(scene, "It may have arrived")
  })

  test("while this run's own mail under way is left alone", async () => {
    await using scene = await openScene()
    const reached = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<undefined>()
    scene.stage.manners = {
      takesContent() {
        reached.resolve()
        return answer.promise
      },
    }
    await scene.tell(1)
    const first = deliverOutbox(scene.needs)
    await reached.promise
    expect(await deliverOutbox(scene.needs)).toBe(0)
    expect(await rowsOf(scene)).toMatchObject([{ state: "sending" }])
    answer.resolve(undefined)
    expect(await first).toBe(1)
    expect(await rowsOf(scene)).toMatchObject([{ state: "sent" }])
  })
})

describe.concurrent("the operator", () => {
  const retry = ({ app }: TestApp, id: string) => app.store.tx(q => retryMail(q, app.clock.now(), id))

  test.each(["permanent", "unknown"] as const)(
    "may send %s failures again, from the first try",
    async fate => {
      await using scene = await openScene()
      await scene.tell(1)
      await deliverOutbox({ ...scene.needs, sendMail: failWith(fate) })
      const [{ id }] = (await rowsOf(scene)) as [Row]
      await retry(scene, id)
      expect(await rowsOf(scene)).toMatchObject([{ state: "queued", attempt_count: 0, failure: null }])
      expect(await deliverOutbox(scene.needs)).toBe(1)
      expect(scene.stage.accepted[0]!.content).toContain(`Message-ID: <${id}@`)
    },
  )

  test("retries once, however often it is asked for at once", async () => {
    await using scene = await openScene()
    await scene.tell(1)
    await deliverOutbox({ ...scene.needs, sendMail: failWith("unknown") })
    const [{ id }] = (await rowsOf(scene)) as [Row]
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => retry(scene, id)))
    expect(results.filter(one => one.status === "fulfilled")).toHaveLength(1)
    expect(await deliverOutbox(scene.needs)).toBe(1)
    expect(scene.stage.accepted).toHaveLength(1)
  })

  test("cannot retry mail that waits, is under way or was sent, nor mail that does not exist", async () => {
    await using scene = await openScene()
    await scene.tell(1)
    const [{ id }] = (await rowsOf(scene)) as [Row]
    const refusal = (state: string) => ({
      reason: "conflict",
      message: expect.stringContaining(`is ${state}`),
    })
    await expect(retry(scene, id)).rejects.toMatchObject(refusal("queued"))
    const sendMail = async () => {
      await expect(retry(scene, id)).rejects.toMatchObject(refusal("sending"))
    }
    expect(await deliverOutbox({ ...scene.needs, sendMail })).toBe(1)
    await expect(retry(scene, id)).rejects.toMatchObject(refusal("sent"))
    await expect(retry(scene, "mail_nobody")).rejects.toMatchObject({ reason: "not_found" })
  })

  test("sees mail newest first, of one state or all, without its words", async () => {
    await using scene = await openScene()
    await scene.tell(3)
    let count = 0
    const sendMail = async () => {
      if (count++ === 0) throw new MailFailure("permanent", "no such user")
    }
    await deliverOutbox({ ...scene.needs, sendMail })
    const list = (state: "failed" | null, limit: number) => listMail(scene.app.store.read, { state, limit })
    expect((await list(null, 2)).map(mail => mail.subject)).toEqual(["Receipt 3", "Receipt 2"])
    const failed = await list("failed", 10)
    expect(failed).toMatchObject([{ state: "failed", failure: "no such user" }])
    expect(JSON.stringify(failed)).not.toContain("You paid.")
  })
})
