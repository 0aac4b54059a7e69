/** What people, proxies and monitors ask first. */
import { describe, expect, test } from "bun:test"
import { version } from "../../package.json"
import { createServer } from "../../src/server.ts"
import { openTestApp, requestOf } from "../support/app.ts"
import { runCommand } from "../support/operator.ts"

describe("the front door", () => {
  test("says the name, the version and where to read on", async () => {
    await using app = await openTestApp({ env: { CODEXAPI_BRAND_NAME: "Mine" } })
    expect(await app.sendJson("/")).toEqual({ name: "Mine", version, documentation: "/swagger" })
  })

  test("answers HEAD, which Claude Code asks before its first request, without a body", async () => {
    await using app = await openTestApp()
    const answer = await app.send("/", { method: "HEAD" })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe("")
  })
})

describe("health", () => {
  test("says that the database answers and how many models are served", async () => {
    await using app = await openTestApp()
    expect(await app.sendJson("/health")).toEqual({ status: "ok", version, modelCount: 10 })
    await runCommand(app, "model remove", "--id", "gpt-5.5")
    await app.app.catalog.reload()
    expect(await app.sendJson("/health")).toMatchObject({ modelCount: 9 })
  })

  test("is a plain refusal when the database does not answer, and the log says why", async () => {
    await using app = await openTestApp()
    const { store } = app.app
    const read = { ...store.read, get: () => Promise.reject(new Error("canary: disk I/O error")) }
    const server = createServer({ ...app.app, store: { ...store, read } })
    const answer = await server.handle(requestOf("/health"))
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain("canary")
    expect(app.logs.join("")).toContain("disk I/O error")
  })
})
