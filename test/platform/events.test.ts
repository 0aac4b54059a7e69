/** Domain events: every listener hears every event, until it stops. */
import { expect, test } from "bun:test"
import { type AnyEvent, createEvents } from "../../src/platform/events.ts"

test("every listener hears an event with its name and data", () => {
  const events = createEvents()
  const heard: [string, AnyEvent][] = []
  events.listen(event => heard.push(["a", event]))
  events.listen(event => heard.push(["b", event]))
  events.emit("customer-registered", { customer_id: "cus_1" })
  const event: AnyEvent = { name: "customer-registered", data: { customer_id: "cus_1" } }
  expect(heard).toEqual([
    ["a", event],
    ["b", event],
  ])
})

test("a listener that stopped hears nothing more", () => {
  const events = createEvents()
  const stop = events.listen(() => expect.unreachable())
  stop()
  events.emit("sign-in-failed", { reason: "1" })
})
