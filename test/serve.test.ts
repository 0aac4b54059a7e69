/** Serving: what is wired only there, over real HTTP on a free port. */
import { describe, expect, test } from "bun:test"
import { statSync } from "node:fs"
import { registerCustomer } from "../src/account/register/register.ts"
import { openApp } from "../src/app.ts"
import { createKey } from "../src/auth/keys.ts"
import { type Config, readConfig } from "../src/platform/config.ts"
import { adminKeyPath, type Running, serve } from "../src/serve.ts"
import { type Folder, openFolder } from "./support/folder.ts"
import { until } from "./support/until.ts"

const configOf = (folder: Folder): Config =>
  readConfig({ CODEXAPI_DATA_DIR: folder.path, CODEXAPI_PORT: "0", CODEXAPI_SHUTDOWN_SECONDS: "1" })

/** A server on a folder of its own; `await using` stops it. */
async function openServer() {
  const folder = openFolder()
  const config = configOf(folder)
  const running = await serve(config)
  // The first run of the jobs: a second app in this process, which waits for their lock, would hold them up.
  await running.app.tasks.idle()
  return {
    config,
    running,
    async [Symbol.asyncDispose]() {
      await running.stop()
      folder[Symbol.dispose]()
    },
  }
}

async function addKey(
  running: Running,
): Promise<{ customer_id: string; id: string; token: string; owner: string }> {
  const { app } = running
  const { customer, system_token } = await registerCustomer(app, {
    email: "a@b.example",
    password: "correct horse",
  })
  const customer_id = customer.id
  const key = await app.store.tx(q => createKey(q, app, { customer_id, kind: "user", name: "desk" }))
  return { ...key, customer_id, owner: system_token }
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

describe("a key", () => {
  test("that is revoked over HTTP is refused by the very next request", async () => {
    await using server = await openServer()
    const { url } = server.running
    const key = await addKey(server.running)
    expect((await fetch(`${url}/api/v1/me`, bearer(key.token))).status).toBe(200)
    const revoked = await fetch(`${url}/api/v1/me/api-keys/${key.id}`, {
      method: "DELETE",
      ...bearer(key.owner),
    })
    expect(revoked.status).toBe(200)
    expect((await fetch(`${url}/api/v1/me`, bearer(key.token))).status).toBe(401)
  })

  test("that an operator's command revokes in another process is refused soon", async () => {
    await using server = await openServer()
    const { url } = server.running
    const key = await addKey(server.running)
    expect((await fetch(`${url}/api/v1/me`, bearer(key.token))).status).toBe(200)
    const other = await openApp(server.config)
    await other.store.tx(q => q.run("UPDATE api_key SET revoked_at = 1 WHERE id = ?", key.id))
    await other.close()
    const isRefused = async () => (await fetch(`${url}/api/v1/me`, bearer(key.token))).status === 401
    await until("the key is refused", isRefused)
  })
})

test("a model that an operator's command disables in another process is not served soon", async () => {
  await using server = await openServer()
  const { url } = server.running
  const other = await openApp(server.config)
  const count = async () =>
    ((await (await fetch(`${url}/health`)).json()) as { modelCount: number }).modelCount
  const before = await count()
  await other.store.tx(q => q.run("UPDATE model SET is_enabled = 0 WHERE id = 'gpt-5.5'"))
  await other.close()
  await until("one model less is served", async () => (await count()) === before - 1)
})

test("the first start makes an admin key that only this user can read; later ones keep it", async () => {
  using folder = openFolder()
  const first = await serve(configOf(folder))
  const path = adminKeyPath(folder.path)
  const key = (await Bun.file(path).text()).trim()
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(`${folder.path}/secret`).mode & 0o777).toBe(0o600)
  expect((await fetch(`${first.url}/metrics`, bearer(key))).status).toBe(200)
  await first.stop()
  const second = await serve(configOf(folder))
  expect((await Bun.file(path).text()).trim()).toBe(key)
  expect((await fetch(`${second.url}/metrics`, bearer(key))).status).toBe(200)
  await second.stop()
})

test("a folder that is served cannot be served again until its server has stopped", async () => {
  using folder = openFolder()
  const first = await serve(configOf(folder))
  await expect(serve(configOf(folder))).rejects.toMatchObject({
    reason: "unavailable",
    message: expect.stringContaining("Another codexapi serves from"),
  })
  await first.stop()
  const second = await serve(configOf(folder))
  await second.stop()
})

test("a port that is taken is a plain refusal, and the folder is free again", async () => {
  await using server = await openServer()
  using folder = openFolder()
  const port = Number(new URL(server.running.url).port)
  const tried = await serve({ ...configOf(folder), port }).then(
    async second => void (await second.stop()),
    error => error.reason,
  )
  expect(tried).toBe("unavailable")
  const other = await serve(configOf(folder))
  await other.stop()
})

test("the upstreams of another environment reach the database by its server, never by a command", async () => {
  using folder = openFolder()
  const upstream = (name: string) => {
    const base_url = `https://${name}.test`
    return [{ id: "openai" as const, base_url, key: "sk-1", key_env: "OPENAI_API_KEY" }]
  }
  const running = await serve({ ...configOf(folder), upstreams: upstream("server") })
  const route = running.app.catalog.find("gpt-5.5")!.routes[0]!
  expect(route.upstream.base_url).toBe("https://server.test")
  const command = await openApp({ ...configOf(folder), upstreams: upstream("command") })
  const rows = await command.store.read.all("SELECT base_url FROM upstream")
  expect(rows).toEqual([{ base_url: "https://server.test" }])
  await command.close()
  await running.stop()
})

test("a secret that is not the database's own is refused with a word why", async () => {
  using folder = openFolder()
  const app = await openApp({ ...configOf(folder), secret: "s".repeat(32) })
  await app.close()
  await expect(openApp({ ...configOf(folder), secret: "t".repeat(32) })).rejects.toMatchObject({
    reason: "unavailable",
    message: expect.stringContaining("CODEXAPI_SECRET is not the one this database was made with"),
  })
})

describe("a body of our own API beyond 64 KiB", () => {
  const chunked = () =>
    new ReadableStream({
      async start(controller) {
        for (let count = 0; count < 100; count++) {
          controller.enqueue(new Uint8Array(4096).fill(32))
          await Bun.sleep(0)
        }
        controller.close()
      },
    })
  test.each([
    ["announced", () => " ".repeat(400_000)],
    ["in chunks", chunked],
  ])("is 413, %s", async (_, bodyOf) => {
    await using server = await openServer()
    const { url } = server.running
    const { token } = await addKey(server.running)
    for (const path of ["/api/v1/customer/register", "/api/v1/auth/login", "/api/v1/me/api-keys"]) {
      const answer = await fetch(url + path, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: bodyOf(),
      })
      expect(answer.status).toBe(413)
      expect(await answer.json()).toMatchObject({ code: "request_too_large" })
    }
  })
})

test("what happened is in the event log after a stop", async () => {
  using folder = openFolder()
  const running = await serve(configOf(folder))
  const { customer_id } = await addKey(running)
  await running.stop()
  const app = await openApp(configOf(folder))
  const rows = await app.cache.read.all("SELECT name, data FROM event_log")
  expect(rows).toEqual([{ name: "customer-registered", data: JSON.stringify({ customer_id }) }])
  await app.close()
})
