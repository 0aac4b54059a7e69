/** The command line as its users run it, through a pipe. */
import { expect, test } from "bun:test"
import { openApp } from "../src/app.ts"
import { readConfig } from "../src/platform/config.ts"
import { openFolder } from "./support/folder.ts"

async function run(folder: { path: string }, ...words: string[]): Promise<string> {
  const ran = Bun.spawn([process.execPath, "src/main.ts", ...words], {
    env: { ...process.env, CODEXAPI_DATA_DIR: folder.path },
    stderr: "inherit",
  })
  const output = await ran.stdout.text()
  expect(await ran.exited).toBe(0)
  return output
}

test("an output larger than a pipe arrives whole, and what a command did is in the event log", async () => {
  using folder = openFolder()
  const app = await openApp(readConfig({ CODEXAPI_DATA_DIR: folder.path }))
  await app.cache.tx(async q => {
    for (let number = 0; number < 500; number++) {
      const data = JSON.stringify({ text: "x".repeat(500) })
      await q.run(
        "INSERT INTO event_log (id, name, data, created_at) VALUES (?, 'x', ?, ?)",
        `${number}`,
        data,
        Date.now(),
      )
    }
  })
  await app.close()
  await run(folder, "admin", "customer", "create", "--email", "a@b.example", "--json")
  const events = JSON.parse(await run(folder, "admin", "events", "--limit", "1000", "--json"))
  expect(events).toHaveLength(501)
  expect(events[0].name).toBe("customer-registered")
})
