/** POST /api/v1/me/email on a server with mail: a code goes to the new address, and only who reads it has it. */
import { describe, expect, test } from "bun:test"
import { type CustomerOptions, openTestApp, type TestApp, type TestCustomer } from "../../support/app.ts"
import { runCommand } from "../../support/operator.ts"

const path = "/api/v1/me/email"
const email = "ada@new.example"
const MAIL = { SMTP_URL: "smtp://mail.test", CODEXAPI_MAIL_FROM: "CodexAPI <billing@codexapi.test>" }

interface Stage extends TestApp {
  mine: TestCustomer
  other: TestCustomer
  /** Saves an address as `mine`, or with another key. */
  save(
    body: object,
    key?: string,
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>
  listMails(): Promise<{ customer_id: string; recipient: string; subject: string; body: string }[]>
  /** The code of the last mail. */
  readCode(): Promise<string>
}

async function open(options: CustomerOptions = {}, env: Record<string, string> = MAIL): Promise<Stage> {
  const app = await openTestApp({ env })
  const mine = await app.createCustomer(options)
  const other = await app.createCustomer()
  const listMails = () =>
    app.app.store.read.all<Awaited<ReturnType<Stage["listMails"]>>[number]>(
      "SELECT customer_id, recipient, subject, body FROM mail_outbox ORDER BY id",
    )
  return {
    ...app,
    mine,
    other,
    listMails,
    async save(body, key = mine.key) {
      const answer = await app.send(path, { key, body })
      const json = (await answer.json()) as Record<string, unknown>
      return { status: answer.status, body: json, headers: answer.headers }
    },
    async readCode() {
      return /^\d{6}/.exec((await listMails()).at(-1)!.body)![0]
    },
  }
}

const otherThan = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, "0")

const eventNames = (stage: Stage) => stage.events.map(event => event.name)

test("a code is mailed to the new address; with it the address is saved as verified", async () => {
  await using stage = await open()
  const { mine } = stage
  expect(await stage.save({ email })).toMatchObject({
    status: 200,
    body: {
      state: "code-sent",
      detail: "A code was mailed to the address: send it back with the address within 15 minutes.",
      customer: { id: mine.id, email: mine.email, emailVerifiedAt: null },
    },
  })
  expect(await stage.listMails()).toEqual([
    {
      customer_id: mine.id,
      recipient: email,
      subject: "Your CodexAPI.pro code",
      body: expect.stringMatching(/^\d{6} is your code\. It is good for 15 minutes\.\n/),
    },
  ])
  expect(stage.events).toEqual([])
  const confirmed = await stage.save({ email, code: await stage.readCode() })
  const customer = { id: mine.id, email, emailVerifiedAt: "2026-01-02T03:04:05.002Z" }
  expect(confirmed).toMatchObject({ status: 200, body: { state: "verified", customer } })
  expect(stage.events).toEqual([{ name: "email-verified", data: { customer_id: mine.id } }])
  expect(await stage.sendJson("/api/v1/me", { key: mine.key })).toMatchObject({ customer })
})

test("the code is told to nobody else: not in the answer, the events, the log or the tables of codes", async () => {
  await using stage = await open()
  const { body } = await stage.save({ email })
  const code = await stage.readCode()
  await stage.save({ email, code: otherThan(code) })
  const rows = await stage.app.store.read.all("SELECT * FROM email_code")
  expect(JSON.stringify([body, stage.events, stage.logs, rows])).not.toContain(code)
})

test("one's own address is verified the same way, also with a scoped key", async () => {
  await using stage = await open({ models: ["gpt-5.5"] })
  const own = stage.mine.email
  expect(await stage.save({ email: own })).toMatchObject({ status: 200, body: { state: "code-sent" } })
  const confirmed = await stage.save({ email: own, code: await stage.readCode() })
  expect(confirmed).toMatchObject({ status: 200, body: { state: "verified" } })
})

test("an address that is verified stays so, and nothing is mailed: a lost answer is asked for again", async () => {
  await using stage = await open()
  await stage.save({ email })
  const code = await stage.readCode()
  const first = await stage.save({ email, code })
  stage.clock.advance(60_000)
  for (const body of [{ email, code }, { email }, { email: "ADA@new.example" }]) {
    expect((await stage.save(body)).body).toEqual(first.body)
  }
  expect(await stage.listMails()).toHaveLength(1)
  expect(eventNames(stage)).toEqual(["email-verified"])
})

describe("is refused", () => {
  test.each<[string, CustomerOptions]>([
    ["models", { models: ["gpt-5.5"] }],
    ["a time", { expires_at: Date.UTC(2030, 0, 1) }],
  ])("to a key limited to %s, also with the right code; the System Token may", async (_, options) => {
    await using stage = await open(options)
    const { mine } = stage
    const scoped = {
      status: 403,
      body: { code: "scoped_key", detail: expect.stringContaining("System Token") },
    }
    expect(await stage.save({ email })).toMatchObject(scoped)
    expect(await stage.listMails()).toEqual([])
    await stage.save({ email }, mine.system_token)
    const code = await stage.readCode()
    expect(await stage.save({ email, code })).toMatchObject(scoped)
    expect(await stage.save({ email, code }, mine.system_token)).toMatchObject({ status: 200 })
  })

  test("for another customer's address: nothing is mailed there", async () => {
    await using stage = await open()
    const taken = { status: 409, body: { code: "email_taken", field: "email" } }
    expect(await stage.save({ email: stage.other.email })).toMatchObject(taken)
    expect(await stage.listMails()).toEqual([])
  })

  test("when another customer took the address before the code came back", async () => {
    await using stage = await open()
    await stage.save({ email })
    const code = await stage.readCode()
    await stage.createCustomer({ email })
    const { events, mine } = stage
    expect(await stage.save({ email, code })).toMatchObject({ status: 409, body: { code: "email_taken" } })
    expect(events.map(event => event.name)).toEqual(["request-refused"])
    expect(await stage.sendJson("/api/v1/me", { key: mine.key })).toMatchObject({
      customer: { email: mine.email },
    })
  })

  test("with a wrong code, which says how many tries are left, and after five with any", async () => {
    await using stage = await open()
    await stage.save({ email })
    const code = await stage.readCode()
    for (const triesLeft of [4, 3, 2, 1, 0]) {
      const wrong = { code: "email_code_wrong", field: "code", triesLeft }
      expect(await stage.save({ email, code: otherThan(code) })).toMatchObject({ status: 422, body: wrong })
    }
    const void_code = { status: 422, body: { code: "email_code_void", field: "code" } }
    expect(await stage.save({ email, code })).toMatchObject(void_code)
    expect(new Set(eventNames(stage))).toEqual(new Set(["request-refused"]))
  })

  test("with another customer's code", async () => {
    await using stage = await open()
    await stage.save({ email })
    const code = await stage.readCode()
    const answer = await stage.save({ email, code }, stage.other.key)
    expect(answer).toMatchObject({ status: 422, body: { code: "email_code_void" } })
  })

  test("for an address that mail cannot be sent to", async () => {
    await using stage = await open()
    const odd = '"ada, bob"@new.example'
    expect((await stage.save({ email: odd })).status).toBe(422)
    expect(await stage.listMails()).toEqual([])
  })
})

describe("is limited", () => {
  test("to one mail a minute", async () => {
    await using stage = await open()
    await stage.save({ email })
    const { status, headers, body } = await stage.save({ email: "bob@new.example" })
    expect([status, headers.get("retry-after"), body.code]).toEqual([429, "60", "email_code_too_soon"])
    expect(await stage.listMails()).toHaveLength(1)
    stage.clock.advance(60_000)
    expect(await stage.save({ email: "bob@new.example" })).toMatchObject({ status: 200 })
  })

  test("to ten mails a day", async () => {
    await using stage = await open()
    for (let count = 0; count < 10; count++) {
      expect((await stage.save({ email: "victim@example.org" })).status).toBe(200)
      stage.clock.advance(60_000)
    }
    const { status, headers, body } = await stage.save({ email: "victim+1@example.org" })
    expect([status, headers.get("retry-after"), body.code]).toEqual([429, "85800", "too_many_email_codes"])
    expect(await stage.listMails()).toHaveLength(10)
  })

  test("to ten requests a minute, by customer and by network", async () => {
    await using stage = await open()
    const statuses: number[] = []
    for (let count = 0; count < 11; count++) {
      statuses.push((await stage.save({ email, code: "123456" })).status)
    }
    expect(statuses).toEqual([...Array(10).fill(422), 429])
    // Every request of a test comes from the same network.
    const other = await stage.save({ email }, stage.other.key)
    expect(other).toMatchObject({ status: 429, body: { code: "too_many_attempts" } })
    const names: string[] = []
    stage.app.attempt_limit.take = name => names.push(name) * 0
    await stage.save({ email })
    expect(names).toEqual(["unknown", `e-mail of ${stage.mine.id}`])
  })
})

describe("fifty at once", () => {
  // All limits but the codes' own are lifted, so that every request reaches them.
  const lift = ({ app }: Stage) => {
    app.attempt_limit.take = () => 0
  }

  test("asking for a code mail one", async () => {
    await using stage = await open()
    lift(stage)
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.save({ email })))
    expect(answers.filter(one => one.status === 200)).toHaveLength(1)
    expect(answers.filter(one => one.status === 429)).toHaveLength(49)
    expect(await stage.listMails()).toHaveLength(1)
  })

  test("with the right code verify once, and all hear that it is verified", async () => {
    await using stage = await open()
    lift(stage)
    await stage.save({ email })
    const code = await stage.readCode()
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.save({ email, code })))
    expect(answers.map(one => one.body.state)).toEqual(Array(50).fill("verified"))
    expect(eventNames(stage)).toEqual(["email-verified"])
  })

  test("of two customers for one address give it to one of them", async () => {
    await using stage = await open({}, {})
    lift(stage)
    const keys = Array.from({ length: 50 }, (_, index) => (index % 2 ? stage.mine.key : stage.other.key))
    await Promise.all(keys.map(key => stage.save({ email }, key)))
    const owners = await stage.app.store.read.all("SELECT id FROM customer WHERE email = ?", email)
    expect(owners).toHaveLength(1)
  })
})

test("what the operator verified is shown, and a new address is unverified again", async () => {
  await using stage = await open({}, {})
  const { mine } = stage
  await runCommand(stage, "customer verify-email", "--customer", mine.id)
  const own = await stage.save({ email: mine.email })
  expect(own.body).toMatchObject({ state: "verified", customer: { emailVerifiedAt: expect.any(String) } })
  const next = await stage.save({ email })
  expect(next.body).toMatchObject({ state: "unverified", customer: { email, emailVerifiedAt: null } })
})
