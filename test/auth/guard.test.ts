/** The guard: which credentials count, how refusals read, and whose address a request has. */
import { describe, expect, test } from "bun:test"
import { authenticate, clientAddress, readToken } from "../../src/auth/guard.ts"
import { createToken } from "../../src/auth/tokens.ts"
import { createRateLimit } from "../../src/platform/rate-limit.ts"
import { openIdentity } from "../support/identity.ts"

describe("the token is read from", () => {
  const rows: { from: string; headers: Record<string, string>; token: string | undefined }[] = [
    { from: "Authorization: Bearer", headers: { authorization: "Bearer cxk_1" }, token: "cxk_1" },
    { from: "a bearer in lower case", headers: { authorization: "bearer cxk_1" }, token: "cxk_1" },
    { from: "a bearer with blanks", headers: { authorization: "Bearer   cxk_1  " }, token: "cxk_1" },
    { from: "x-api-key", headers: { "x-api-key": "cxk_2" }, token: "cxk_2" },
    { from: "X-Api-Key with blanks", headers: { "X-Api-Key": " cxk_2 " }, token: "cxk_2" },
    {
      from: "the bearer when both are there",
      headers: { authorization: "Bearer cxk_1", "x-api-key": "cxk_2" },
      token: "cxk_1",
    },
    {
      from: "x-api-key beside another kind of authorization",
      headers: { authorization: "Basic dTpw", "x-api-key": "cxk_2" },
      token: "cxk_2",
    },
    {
      from: "x-api-key beside an empty bearer",
      headers: { authorization: "Bearer ", "x-api-key": "cxk_2" },
      token: "cxk_2",
    },
    { from: "nowhere when there is none", headers: {}, token: undefined },
    { from: "nowhere when x-api-key is blank", headers: { "x-api-key": " " }, token: undefined },
    {
      from: "nowhere when the authorization is another's",
      headers: { authorization: "cxk_1" },
      token: undefined,
    },
  ]
  test.each(rows.map(row => [row.from, row] as const))("%s", (_, row) => {
    expect(readToken(new Headers(row.headers))).toBe(row.token)
  })
})

describe("who asks", () => {
  function openGuard() {
    const identity = openIdentity()
    const failure_limit = createRateLimit(identity.clock, { burst: 3, per_minute: 60 })
    const needs = { keys: identity.keys, failure_limit }
    const ask = (token: string | undefined, address = "203.0.113.1") => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
      return authenticate(needs, new Request("http://localhost/", { headers }), address)
    }
    const refusal = (token: string | undefined, address?: string) =>
      ask(token, address).then(
        () => expect.unreachable(),
        error => error,
      )
    return { ...identity, ask, refusal }
  }

  test("guesses of one IPv6 network count together", async () => {
    const { refusal, random } = openGuard()
    for (const end of ["1", "2", "3"]) await refusal(createToken("user", random), `2001:db8::${end}`)
    const last = await refusal(createToken("user", random), "2001:DB8:0:0:ffff::4")
    expect(last.reason).toBe("rate_limited")
    const other = await refusal(createToken("user", random), "2001:db8:0:1::1")
    expect(other.reason).toBe("unauthorized")
  })

  test("is the customer of a valid key", async () => {
    const { ask, addCustomer, addKey } = openGuard()
    const customer_id = await addCustomer()
    const { token } = await addKey(customer_id)
    expect(await ask(token)).toMatchObject({ customer_id })
  })

  test("without a key: unauthorized, saying how to send one", async () => {
    expect(await openGuard().refusal(undefined)).toMatchObject({
      reason: "unauthorized",
      message: "Send your API key as `Authorization: Bearer <key>` or `x-api-key: <key>`.",
      detail: { code: "missing_api_key" },
    })
  })

  test("with an unknown, a malformed, a revoked and an expired key: the same refusal", async () => {
    const { refusal, addCustomer, addKey, store, random, clock } = openGuard()
    const customer_id = await addCustomer()
    const revoked = await addKey(customer_id)
    await store.tx(q => q.run("UPDATE api_key SET revoked_at = 1 WHERE id = ?", revoked.id))
    const expired = await addKey(customer_id, { expires_at: clock.now() })
    const tokens = [createToken("user", random), "x".repeat(43), revoked.token, expired.token]
    const refusals = await Promise.all(tokens.map((token, at) => refusal(token, `203.0.113.${at}`)))
    for (const [at, error] of refusals.entries()) {
      expect(error).toMatchObject({ reason: "unauthorized", detail: { code: "invalid_api_key" } })
      expect(
        error.message.replaceAll(tokens[at]!.slice(0, 4), "").replaceAll(tokens[at]!.slice(-4), ""),
      ).toBe("The API key … is not valid: check it, or create a new one in your dashboard.")
    }
  })

  test("the refusal shows at most eight characters of a key", async () => {
    const { refusal, random } = openGuard()
    const token = createToken("user", random)
    expect((await refusal(token)).message).not.toContain(token.slice(0, 6))
    expect((await refusal("hunter2")).message).not.toContain("hunter2")
  })

  test("an address that keeps guessing is told when to come back; others are not held up", async () => {
    const { refusal } = openGuard()
    for (let count = 0; count < 3; count++)
      expect(await refusal("x")).toMatchObject({ reason: "unauthorized" })
    expect(await refusal("x")).toMatchObject({
      reason: "rate_limited",
      detail: { code: "too_many_failures", retry_after_ms: 1_000 },
    })
    expect(await refusal("x", "203.0.113.2")).toMatchObject({ reason: "unauthorized" })
  })

  test("a valid key works from an address that guessed too often", async () => {
    const { ask, refusal, addCustomer, addKey } = openGuard()
    const { token } = await addKey(await addCustomer())
    for (let count = 0; count < 9; count++) await refusal("x")
    expect(await ask(token)).toBeDefined()
  })

  test("requests without any key are no guesses", async () => {
    const { refusal } = openGuard()
    for (let count = 0; count < 9; count++) await refusal(undefined)
    expect(await refusal("x")).toMatchObject({ reason: "unauthorized" })
  })
})

describe("a client's address is", () => {
  const addressOf = (peer: string | undefined, forwarded?: string) => {
    const headers: Record<string, string> = forwarded === undefined ? {} : { "x-forwarded-for": forwarded }
    return clientAddress(new Request("http://localhost/", { headers }), peer)
  }

  test("its peer's, whatever it claims", () => {
    expect(addressOf("203.0.113.9", "198.51.100.1")).toBe("203.0.113.9")
    expect(addressOf("127.0.0.10", "198.51.100.1")).toBe("127.0.0.10")
  })

  test.each(["127.0.0.1", "::1", "::ffff:127.0.0.1"])("what a proxy at %s says of it", peer => {
    expect(addressOf(peer, "198.51.100.1")).toBe("198.51.100.1")
  })

  test("the last one of a chain: what came before it the client could have written itself", () => {
    expect(addressOf("127.0.0.1", "1.1.1.1, 2.2.2.2 ,198.51.100.1 ")).toBe("198.51.100.1")
  })

  test("in IPv4 form also when IPv6 carries it: all of IPv4 must not count as one network", () => {
    expect(addressOf("::ffff:203.0.113.9")).toBe("203.0.113.9")
    expect(addressOf("127.0.0.1", "::ffff:198.51.100.1")).toBe("198.51.100.1")
    expect(addressOf("2001:db8::1")).toBe("2001:db8::1")
  })

  test("the proxy's own when it says nothing", () => {
    expect(addressOf("127.0.0.1")).toBe("127.0.0.1")
    expect(addressOf("::1", "")).toBe("::1")
  })

  test("one name for all whose peer is unknown", () => {
    expect(addressOf(undefined, "198.51.100.1")).toBe("unknown")
  })
})
