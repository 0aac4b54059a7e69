/** The suite against our own server as `serve` runs it, over HTTP, on the demo and on each upstream protocol. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { registerCustomer } from "../../src/account/register/register.ts"
import { adjustCredit } from "../../src/admin/credit.ts"
import { GROUPS } from "../../src/conformance/case.ts"
import { openSubject, runCases, type Subject } from "../../src/conformance/run.ts"
import { selectCases } from "../../src/conformance/suite.ts"
import { readConfig } from "../../src/platform/config.ts"
import { type Running, serve } from "../../src/serve.ts"
import { verifyLedger } from "../../src/wallet/ledger/verify.ts"
import { repriceReceipts } from "../../src/wallet/usage/reprice.ts"
import { openFolder } from "../support/folder.ts"
import { STUB_KEY, type StubServer, startStub } from "./stub-server.ts"

/** The vendor whose variables name the stub as upstream; its models are the only ones then. */
const UPSTREAMS: [what: string, vendor: string | undefined][] = [
  ["the built-in demo", undefined],
  ["a Responses upstream", "OPENAI"],
  ["a Messages upstream", "ANTHROPIC"],
  ["a Chat upstream", "DEEPSEEK"],
]

describe.each(UPSTREAMS)("our own server on %s", (_, vendor) => {
  const folder = openFolder()
  let upstream: StubServer
  let running: Running
  let subject: Subject

  beforeAll(async () => {
    upstream = startStub()
    const named = { [`${vendor}_API_KEY`]: STUB_KEY, [`${vendor}_BASE_URL`]: `${upstream.url}/v1` }
    const env = { CODEXAPI_DATA_DIR: folder.path, CODEXAPI_PORT: "0", CODEXAPI_SHUTDOWN_SECONDS: "1" }
    running = await serve(readConfig({ ...env, ...(vendor !== undefined && named) }))
    const { app } = running
    const account = { email: "conformance@example.com", password: "correct horse" }
    const { customer, system_token: key } = await registerCustomer(app, account)
    const credit = { amount: "20.00", reason: "credit of the test", direction: "credit" as const }
    await adjustCredit(app, { customer_id: customer.id, ...credit })
    subject = await openSubject({ base_url: `${running.url}/v1/`, key })
  })

  afterAll(async () => {
    await running.stop()
    await upstream[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  test("is recognised: nothing it promises may be missing", () => {
    expect(subject.target).toMatchObject({ is_ours: true, base_url: running.url })
    expect([...subject.missing_doors]).toEqual([])
  })

  test.each([...GROUPS])(
    "passes every case of %s, and none is skipped",
    async group => {
      const results = await runCases(subject, selectCases([group]))
      const others = results.filter(one => one.result !== "pass")
      expect(others.map(({ id, result, finding }) => `${result} ${id}: ${finding}`)).toEqual([])
    },
    30_000,
  )

  test("has asked that upstream, and no other vendor's path of it", () => {
    const paths: Record<string, string> = {
      OPENAI: "/v1/responses",
      ANTHROPIC: "/v1/messages",
      DEEPSEEK: "/v1/chat/completions",
    }
    const asked = new Set(upstream.asked.map(ask => ask.path))
    expect([...asked]).toEqual(vendor === undefined ? [] : [paths[vendor]!])
  })

  test("has clean books afterwards, with every receipt at its price", async () => {
    const { store } = running.app
    const laws = [...(await verifyLedger(store.read)), await repriceReceipts(store.read)]
    expect(laws.flatMap(law => law.findings)).toEqual([])
  })
})
