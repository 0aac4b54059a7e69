/** The executable between a scripted upstream and an imitation of Stripe outside of it, which a test holds in its hands. */

import type { DemoStripe } from "../../src/wallet/demo-stripe/demo-stripe.ts"
import { type Executable, startExecutable } from "./executable.ts"
import { type FakeStripe, startFakeStripe } from "./fake-stripe.ts"
import { type Script, type ScriptedUpstream, startScriptedUpstream } from "./scripted-upstream.ts"

export interface MoneyStage extends AsyncDisposable {
  server: Executable
  stripe: DemoStripe
  upstream: ScriptedUpstream
  /** Registers as customers do; gives their System Token. */
  register(email: string): Promise<string>
  call<T>(path: string, token: string, body?: unknown): Promise<T>
  /** Fills in the form of a payment page. */
  fillIn(page_url: string, fields: Record<string, string>): Promise<Response>
}

/** Opens a stage; webhooks reach the executable over real HTTP by themselves. `await using` closes it. */
export async function openMoneyStage(script: Script, env: Record<string, string> = {}): Promise<MoneyStage> {
  await using closing = new AsyncDisposableStack()
  const upstream = startScriptedUpstream(script)
  closing.defer(() => upstream.stop())
  const fake: FakeStripe = closing.use(startFakeStripe(() => server.origin))
  const server = await startExecutable({ upstreamUrl: upstream.baseUrl, env: { ...fake.env, ...env } })
  closing.defer(async () => void (await server.stop()))
  const opened = closing.move()
  const call = callsTo(server.origin)
  return {
    server,
    stripe: fake.stripe,
    upstream,
    call,
    register: email => registerAt(server.origin, email),
    fillIn,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Registers a customer at a server; gives the System Token. */
export async function registerAt(origin: string, email: string): Promise<string> {
  const call = callsTo(origin)
  const body = { email, password: "a long password" }
  return (await call<{ systemToken: string }>("/api/v1/customer/register", "", body)).systemToken
}

/** Calls to our API that must go well: GET, or POST with a body; throws what was refused. */
export const callsTo =
  (origin: string): MoneyStage["call"] =>
  async (path, token, body) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) }
    const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) }
    const answer = await fetch(origin + path, init)
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`)
    return JSON.parse(text)
  }

/** Sends a payment page's form; gives the redirect without following it. */
export const fillIn = (page_url: string, fields: Record<string, string>): Promise<Response> =>
  fetch(page_url, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" })
