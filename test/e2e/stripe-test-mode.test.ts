/** The script for Stripe's test mode, tried against an imitation: a key and a person are all it needs. */
import { expect, test } from "bun:test"
import { resolve } from "node:path"
import { startFakeStripe } from "../support/fake-stripe.ts"
import { fillIn } from "../support/money-stage.ts"
import { until } from "../support/until.ts"

const SCRIPT = resolve(import.meta.dir, "../../scripts/stripe-test-mode.ts")

const start = (env: Record<string, string>) =>
  Bun.spawn([process.execPath, SCRIPT], {
    env: { PATH: process.env.PATH, CODEXAPI_PORT: "0", ...env },
    cwd: resolve(import.meta.dir, "../.."),
    stdout: "pipe",
    stderr: "pipe",
  })

test("a page that a person pays is credited, refunded and stated", async () => {
  const seen = { text: "" }
  await using fake = startFakeStripe(() => /Serving at (\S+)/.exec(seen.text)?.[1])
  const script = start(fake.env)
  try {
    const reading = (async () => {
      for await (const chunk of script.stdout) seen.text += new TextDecoder().decode(chunk)
    })()
    await until("there is a page", () => /\/pay\/\S+/.test(seen.text))
    await fillIn(/http\S+\/pay\/\S+/.exec(seen.text)![0], { action: "pay", card: "pays" })
    await reading
    expect([await script.exited, await script.stderr.text()]).toEqual([0, ""])
    expect(seen.text).toMatch(/has \$10\.00[\s\S]*has \$0\.00[\s\S]*every law holds/)
  } finally {
    script.kill()
    await script.exited
  }
}, 30_000)

test.each([{}, { STRIPE_SECRET_KEY: "sk_live_x" }])("without a test key nothing starts: %j", async env => {
  const script = start(env)
  expect([await script.exited, await script.stderr.text()]).toEqual([
    2,
    expect.stringMatching(/^Set STRIPE_SECRET_KEY to a key of Stripe's test mode/),
  ])
})
