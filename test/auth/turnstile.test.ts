/** Turnstile against a local siteverify: who passes, and that nothing passes when there is no verdict. */
import { describe, expect, test } from "bun:test"
import { assertHuman, LONGEST_TURNSTILE_TOKEN } from "../../src/auth/turnstile.ts"
import { createTestClock } from "../support/clock.ts"
import { openSiteverify, SITEVERIFY_SECRET, type Siteverify } from "../support/siteverify.ts"
import { untilTrue } from "../support/turns.ts"

function open(siteverify: Siteverify, turnstile: { secret_key?: string; base_url?: string } = {}) {
  const { base_url } = siteverify
  const clock = createTestClock()
  const config = { turnstile: { secret_key: SITEVERIFY_SECRET, base_url, ...turnstile } }
  const check = (token: string | undefined, address = "203.0.113.7") =>
    assertHuman({ config, fetch, clock }, { token, address })
  return { clock, check }
}

const failed = { reason: "forbidden", detail: { code: "turnstile_failed", field: "turnstileToken" } }
const unavailable = {
  reason: "unavailable",
  detail: { code: "turnstile_unavailable", retry_after_ms: 60_000 },
}

test("where it is not configured nobody is asked", async () => {
  const needs = {
    config: { turnstile: undefined },
    fetch: () => expect.unreachable(),
    clock: createTestClock(),
  }
  await assertHuman(needs, { token: undefined, address: "203.0.113.7" })
})

describe("a token", () => {
  test("that is good passes, and Cloudflare hears the secret, the token and the address", async () => {
    await using siteverify = openSiteverify()
    const { check, clock } = open(siteverify)
    const token = siteverify.issue()
    await check(token)
    expect(siteverify.asked).toEqual([
      { secret: SITEVERIFY_SECRET, response: token, remoteip: "203.0.113.7" },
    ])
    expect(clock.timer_count()).toBe(0)
  })

  test("is checked without an address that is not known", async () => {
    await using siteverify = openSiteverify()
    await open(siteverify).check(siteverify.issue(), "unknown")
    expect(siteverify.asked).toEqual([{ secret: SITEVERIFY_SECRET, response: "0.token-1" }])
  })

  test("is good once: of two at the same time one passes", async () => {
    await using siteverify = openSiteverify()
    const { check } = open(siteverify)
    const token = siteverify.issue()
    const checks = await Promise.allSettled([check(token), check(token)])
    expect(checks.filter(one => one.status === "fulfilled")).toHaveLength(1)
    await expect(check(token)).rejects.toMatchObject({
      ...failed,
      message: expect.stringContaining("used already"),
    })
  })

  test("that Cloudflare never gave out is refused", async () => {
    await using siteverify = openSiteverify()
    await expect(open(siteverify).check("made-up")).rejects.toMatchObject(failed)
  })

  test("that is too long is refused without asking; the longest is asked for", async () => {
    await using siteverify = openSiteverify()
    const { check } = open(siteverify)
    await expect(check("x".repeat(LONGEST_TURNSTILE_TOKEN + 1))).rejects.toMatchObject(failed)
    expect(siteverify.asked).toEqual([])
    await expect(check("x".repeat(LONGEST_TURNSTILE_TOKEN))).rejects.toMatchObject(failed)
    expect(siteverify.asked).toHaveLength(1)
  })

  test.each([undefined, ""])("that is missing (%p) is asked for, by name", async token => {
    await using siteverify = openSiteverify()
    await expect(open(siteverify).check(token)).rejects.toMatchObject({
      reason: "unprocessable",
      detail: { code: "turnstile_required", field: "turnstileToken" },
    })
    expect(siteverify.asked).toEqual([])
  })
})

describe("nobody passes", () => {
  test.each(["status-500", "no-json", "internal-error"] as const)("when Cloudflare is %s", async mood => {
    await using siteverify = openSiteverify()
    const { check } = open(siteverify)
    siteverify.turn(mood)
    await expect(check(siteverify.issue())).rejects.toMatchObject(unavailable)
    siteverify.turn("well")
    await check(siteverify.issue())
  })

  test("when Cloudflare is silent for ten seconds", async () => {
    await using siteverify = openSiteverify()
    const { check, clock } = open(siteverify)
    siteverify.turn("silent")
    const checked = check(siteverify.issue())
    await untilTrue("siteverify is asked", () => siteverify.asked.length === 1)
    clock.advance(9_999)
    expect(await Promise.race([checked, Bun.sleep(5).then(() => "waiting")])).toBe("waiting")
    clock.advance(1)
    await expect(checked).rejects.toMatchObject(unavailable)
  })

  test("when there is no server", async () => {
    const siteverify = openSiteverify()
    await siteverify[Symbol.asyncDispose]()
    const { check, clock } = open(siteverify)
    await expect(check("any")).rejects.toMatchObject(unavailable)
    expect(clock.timer_count()).toBe(0)
  })

  test("when the address is another server's", async () => {
    await using siteverify = openSiteverify()
    const { check } = open(siteverify, { base_url: `${siteverify.base_url}/elsewhere` })
    await expect(check(siteverify.issue())).rejects.toMatchObject(unavailable)
  })

  test("when our secret is wrong, and the operator can tell that from an outage", async () => {
    await using siteverify = openSiteverify()
    const { check } = open(siteverify, { secret_key: "0x4AAAwrong" })
    const refusal = { reason: "unavailable", detail: { code: "turnstile_misconfigured" } }
    await expect(check(siteverify.issue())).rejects.toMatchObject(refusal)
  })

  const odd = ["null", "[]", '"true"', "{}", '{"success":"true"}', '{"success":1}']
  test.each(odd)("when the verdict is %s", async body => {
    const needs = {
      config: { turnstile: { secret_key: SITEVERIFY_SECRET, base_url: "http://siteverify.test" } },
      fetch: async () => new Response(body),
      clock: createTestClock(),
    }
    await expect(assertHuman(needs, { token: "any", address: "unknown" })).rejects.toMatchObject(unavailable)
  })
  test.each([302, 400, 403, 429])("when a verdict of success comes with status %i", async status => {
    const needs = {
      config: { turnstile: { secret_key: SITEVERIFY_SECRET, base_url: "http://siteverify.test" } },
      fetch: async () => new Response('{"success":true}', { status }),
      clock: createTestClock(),
    }
    const refusal = { reason: "forbidden", detail: { code: "turnstile_failed" } }
    await expect(assertHuman(needs, { token: "any", address: "unknown" })).rejects.toMatchObject(refusal)
  })
})
