/** Announcements: each customer has it once, with the same words. */
import { describe, expect, test } from "bun:test"
import { type Announcement, announce } from "../../src/notices/announcement.ts"
import { createEvents } from "../../src/platform/events.ts"
import { openIdentity } from "../support/identity.ts"

const ANNOUNCEMENT = { id: "maintenance-1", subject: "Maintenance", body: "On Sunday." }

/** Customers, and the function under test with what it needs. */
function openScene() {
  const identity = openIdentity()
  const needs = { ...identity, events: createEvents(), config: { mail: undefined } }
  return {
    ...identity,
    tell: (customer_ids: string[], change: Partial<Announcement> = {}) =>
      announce(needs, { ...ANNOUNCEMENT, customer_ids, ...change }),
    countMessages: async () => (await identity.store.read.all("SELECT id FROM inbox_message")).length,
  }
}

test("reaches each customer once, and on a repeat only those who were missed", async () => {
  const { addCustomer, tell, store } = openScene()
  const [first, second] = [await addCustomer(), await addCustomer()]
  expect(await tell([first])).toBe(1)
  expect(await tell([first, second])).toBe(1)
  expect(await tell([first, second])).toBe(0)
  expect(await tell([])).toBe(0)
  expect(await store.read.all("SELECT key, subject, body FROM inbox_message ORDER BY key")).toEqual(
    [first, second].map(id => ({
      key: `announcement:maintenance-1:${id}`,
      subject: "Maintenance",
      body: "On Sunday.",
    })),
  )
})

test("made fifty times at once is one message for each", async () => {
  const { addCustomer, tell, countMessages } = openScene()
  const ids = [await addCustomer(), await addCustomer()]
  const counts = await Promise.all(Array.from({ length: 50 }, () => tell(ids)))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2)
  expect(await countMessages()).toBe(2)
})

test.each<[string, Partial<Announcement>]>([
  ["subject", { subject: "Another" }],
  ["body", { body: "On Monday." }],
])("with the id of another one and another %s is a conflict, and tells nobody", async (_name, change) => {
  const { addCustomer, tell, countMessages } = openScene()
  const [first, second] = [await addCustomer(), await addCustomer()]
  await tell([first])
  await expect(tell([first, second], change)).rejects.toMatchObject({ reason: "conflict" })
  expect(await countMessages()).toBe(1)
})

test("with an id that begins like another one's is one of its own", async () => {
  const { addCustomer, tell } = openScene()
  const id = await addCustomer()
  await tell([id], { id: "maintenance-10" })
  expect(await tell([id], { id: "maintenance-1", body: "Other words." })).toBe(1)
})

describe("is refused, naming the field", () => {
  test.each<[string, string, Partial<Announcement>]>([
    ["an empty id", "id", { id: "" }],
    ["an id with a colon", "id", { id: "a:b" }],
    ["an id with a blank", "id", { id: "a b" }],
    ["an id of 65 characters", "id", { id: "x".repeat(65) }],
    ["an empty subject", "subject", { subject: "" }],
    ["a subject of blanks", "subject", { subject: " \r\n\t" }],
    ["a subject of 201 characters", "subject", { subject: "x".repeat(201) }],
    ["an empty body", "body", { body: "" }],
    ["a body of blanks", "body", { body: " \n " }],
    ["a body of 20001 characters", "body", { body: "x".repeat(20_001) }],
  ])("%s", async (_name, field, change) => {
    const { addCustomer, tell, countMessages } = openScene()
    const id = await addCustomer()
    await expect(tell([id], change)).rejects.toMatchObject({ reason: "invalid", detail: { field } })
    expect(await countMessages()).toBe(0)
  })
})
