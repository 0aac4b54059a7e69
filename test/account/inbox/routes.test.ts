/** GET /api/v1/messages and POST /api/v1/messages/{message_id}/read, as tables. */
import { describe, expect, test } from "bun:test"
import { notify } from "../../../src/notices/notify.ts"
import { openTestApp, type TestApp } from "../../support/app.ts"
import { accessRows, type Row, refused, type Scene, testRows } from "../../support/route-table.ts"

const path = "/api/v1/messages"

interface View {
  id: string
  subject: string
  readAt: string | null
}
interface Page {
  data: View[]
  nextCursor: string | null
  unreadCount: number
}

let told_count = 0

/** Writes a message for a customer, a millisecond after the last, and gives its id. */
async function tell({ app, clock, events }: TestApp, customer: { id: string }): Promise<string> {
  clock.advance(1)
  const number = ++told_count
  const words = { subject: `Receipt ${number}`, body: `You paid $${number}.00.` }
  const notice = { customer_id: customer.id, kind: "receipt", key: `receipt:${number}`, ...words } as const
  await app.store.tx(q => notify(q, app, notice))
  const written = events.pop()
  if (written?.name !== "notice-written") throw new Error("no message was written")
  return written.data.message_id
}

describe("listing messages", () => {
  const invalid = (name: string, query: string, field: string): Row => ({
    name,
    ask: ({ mine }) => ({ path: `${path}${query}`, key: mine.key }),
    status: 422,
    body: () => ({ code: "invalid_field", field }),
    events: () => [refused("unprocessable", "invalid_field")],
  })
  testRows([
    ...accessRows(path),
    {
      name: "gives an empty inbox where nothing was told",
      ask: ({ mine }) => ({ path, key: mine.key }),
      status: 200,
      body: () => ({ data: [], nextCursor: null, unreadCount: 0 }),
    },
    invalid("with a limit of 0: 422", "?limit=0", "limit"),
    invalid("with a limit above 200: 422", "?limit=201", "limit"),
    invalid("with a limit that is no number: 422", "?limit=many", "limit"),
    invalid("with a cursor that is too long: 422", `?cursor=${"x".repeat(65)}`, "cursor"),
  ])

  test("gives the customer's own, newest first, as they were written", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    const first = await tell(app, mine)
    await tell(app, other)
    const second = await tell(app, mine)
    const page = await app.sendJson<Page>(path, { key: mine.key })
    expect(page).toMatchObject({ nextCursor: null, unreadCount: 2 })
    expect(page.data.map(message => message.id)).toEqual([second, first])
    expect(page.data[0]).toEqual({
      id: second,
      kind: "receipt",
      subject: `Receipt ${told_count}`,
      body: `You paid $${told_count}.00.`,
      createdAt: new Date(app.clock.now()).toISOString(),
      readAt: null,
    } as View)
    expect(app.events).toEqual([])
  })

  test("pages follow one another without gap or repeat, and count the whole inbox", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const ids: string[] = []
    for (let number = 1; number <= 5; number++) ids.unshift(await tell(app, mine))
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? "?limit=2" : `?limit=2&cursor=${cursor}`
      const page: Page = await app.sendJson(`${path}${query}`, { key: mine.key })
      expect(page.unreadCount).toBe(5)
      seen.push(...page.data.map(message => message.id))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(seen).toEqual(ids)
  })

  test("with a cursor of another customer's message shows nothing of theirs", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    const theirs = await tell(app, other)
    const page = await app.sendJson<Page>(`${path}?cursor=${theirs}z`, { key: mine.key })
    expect(page.data).toEqual([])
  })
})

describe("marking a message read", () => {
  const unknown = (name: string, idOf: (scene: Scene) => Promise<string> | string): void =>
    test(name, async () => {
      await using app = await openTestApp()
      const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
      const id = await idOf({ ...app, mine, other, admin_key: "" })
      const answer = await app.send(`${path}/${id}/read`, { method: "POST", key: mine.key })
      expect(answer.status).toBe(404)
      expect(await answer.json()).toMatchObject({
        code: "not_found",
        detail: "There is no such message. List your messages to see their ids.",
      })
      expect(app.events).toEqual([refused("not_found", "not_found")] as never)
      const read = "SELECT id FROM inbox_message WHERE read_at IS NOT NULL"
      expect(await app.app.store.read.all(read)).toEqual([])
    })
  unknown("of another customer: 404", scene => tell(scene, scene.other))
  unknown("that does not exist: the same 404", () => "msg_01kdyak34avv1ctek5rbjf8my5")
  unknown("with an id that looks like SQL: the same 404", () => "'%20OR%20'1'='1")

  testRows([
    ...accessRows(`${path}/msg_1/read`, { method: "POST" }),
    {
      name: "with an id that is too long: 422",
      ask: ({ mine }) => ({ path: `${path}/${"x".repeat(65)}/read`, method: "POST", key: mine.key }),
      status: 422,
      body: () => ({ code: "invalid_field", field: "message_id" }),
      events: () => [refused("unprocessable", "invalid_field")],
    },
  ])

  test("gives the message with its time, counts what is left, and fires nothing", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const [first, second] = [await tell(app, mine), await tell(app, mine)]
    app.clock.advance(1000)
    const readAt = new Date(app.clock.now()).toISOString()
    const read = await app.sendJson(`${path}/${first}/read`, { method: "POST", key: mine.key })
    expect(read).toMatchObject({ id: first, kind: "receipt", readAt, unreadCount: 1 })
    const page = await app.sendJson<Page>(path, { key: mine.key })
    expect(page.unreadCount).toBe(1)
    expect(page.data.map(({ id, readAt: at }) => [id, at])).toEqual([
      [second, null],
      [first, readAt],
    ])
    expect(app.events).toEqual([])
  })

  test("again changes nothing, later or fifty times at once, with any body", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const id = await tell(app, mine)
    const read = (body?: unknown) =>
      app.sendJson<View>(`${path}/${id}/read`, { method: "POST", key: mine.key, body })
    const answers = await Promise.all(Array.from({ length: 50 }, () => read()))
    const { readAt } = answers[0]!
    expect(readAt).toBe(new Date(app.clock.now()).toISOString())
    expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1)
    app.clock.advance(60_000)
    for (const body of [undefined, "{", { readAt: null }, [], "x".repeat(100_000)])
      expect(await read(body)).toEqual(answers[0]!)
    expect(app.events).toEqual([])
  })
})

test("a key that is limited neither lists nor marks messages, because the inbox has codes and receipts", async () => {
  await using app = await openTestApp()
  const mine = await app.createCustomer({ models: ["gpt-5.5"] })
  const id = await tell(app, mine)
  const asked = [
    app.send(path, { key: mine.key }),
    app.send(`${path}/${id}/read`, { method: "POST", key: mine.key }),
  ]
  for (const answer of await Promise.all(asked))
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: "scoped_key" }])
  expect(app.events).toEqual(Array(2).fill(refused("forbidden", "scoped_key")))
  expect(await app.sendJson(path, { key: mine.system_token })).toMatchObject({ unreadCount: 1 })
})
