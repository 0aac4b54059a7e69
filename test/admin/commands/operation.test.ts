/** The operator's commands for the server itself: events and admin keys. */
import { describe, expect, test } from "bun:test"
import { startEventLog } from "../../../src/platform/event-log.ts"
import { openTestApp } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

describe("events", () => {
  test("shows what happened lately, newest first, as many as asked", async () => {
    await using app = await openTestApp()
    const stop = startEventLog(app.app)
    for (const number of [1, 2, 3])
      app.app.events.emit("customer-registered", { customer_id: `cus_${number}` })
    await stop()
    expect(await runCommand(app, "events", "--limit", "2")).toEqual([
      { at: "2026-01-02T03:04:05.000Z", name: "customer-registered", data: { customer_id: "cus_3" } },
      { at: "2026-01-02T03:04:05.000Z", name: "customer-registered", data: { customer_id: "cus_2" } },
    ])
  })
})

describe("admin keys", () => {
  test("a created one opens /metrics, a revoked one does not any more", async () => {
    await using app = await openTestApp()
    const created = await runForRecord(app, "admin-key create", "--name", "monitor")
    const ask = async () => (await app.send("/metrics", { key: created.key as string })).status
    expect(await ask()).toBe(200)
    const revoke = () => runForRecord(app, "admin-key revoke", "--id", created.id as string)
    expect(await revoke()).toEqual({ id: created.id, revoked: true })
    expect(await ask()).toBe(404)
    expect(await revoke()).toEqual({ id: created.id, revoked: false })
  })

  test("are listed with their hint only, without revoked ones", async () => {
    await using app = await openTestApp()
    const kept = await runForRecord(app, "admin-key create", "--name", "kept")
    const gone = await runForRecord(app, "admin-key create", "--name", "gone")
    await runCommand(app, "admin-key revoke", "--id", gone.id as string)
    const listed = await runCommand(app, "admin-key list")
    expect(listed).toEqual([{ id: kept.id, name: "kept", hint: expect.stringMatching(/^cxa_…/) }])
    expect(JSON.stringify(listed)).not.toContain(kept.key as string)
  })
})
