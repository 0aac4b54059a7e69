/** Tests of the recording relay over real sockets. */
import { expect, test } from "bun:test"
import { startRelay } from "./relay.ts"
import { textTurn } from "./responses-turns.ts"
import { startScriptedUpstream } from "./scripted-upstream.ts"
import { until } from "./until.ts"

test("both directions pass unchanged and are kept byte for byte; statuses and headers too", async () => {
  const frames = textTurn("schön 🙂", { input: 1, output: 1 })
  const upstream = startScriptedUpstream([
    { sse: frames },
    { json: { error: { message: "slow down" } }, status: 429, headers: { "retry-after": "2" } },
  ])
  const relay = startRelay(upstream.origin)
  const body = '{"model": "x",  "n": 1.0}'
  const send = () =>
    fetch(`${relay.baseUrl}/responses`, { method: "POST", headers: { authorization: "Bearer a" }, body })
  const streamed = await send()
  expect(await streamed.text()).toBe(frames.join(""))
  const refused = await send()
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "2"])
  await refused.text()
  await until("both answers ended", () => relay.exchanges.every(exchange => exchange.hasEnded))

  const text = new TextDecoder()
  expect(upstream.requests.map(request => text.decode(request.bytes))).toEqual([body, body])
  expect(relay.exchanges.map(exchange => text.decode(exchange.requestBytes))).toEqual([body, body])
  expect(text.decode(relay.exchanges[0]?.responseBytes)).toBe(frames.join(""))
  expect(upstream.requests[0]?.headers.get("authorization")).toBe("Bearer a")
  await Promise.all([relay.stop(), upstream.stop()])
})

test("a client that leaves is passed on, and so is an upstream that breaks off", async () => {
  const frames = textTurn("hello", { input: 1, output: 1 })
  const upstream = startScriptedUpstream([
    { sse: frames, silent: true, after: 2 },
    { sse: frames, cut: "reset", after: 2 },
  ])
  const relay = startRelay(upstream.origin)
  const leaving = new AbortController()
  const answer = await fetch(`${relay.baseUrl}/responses`, { method: "POST", signal: leaving.signal })
  await answer.body?.getReader().read()
  leaving.abort()
  await until("the upstream sees the client leave", () => upstream.requests[0]?.wasAborted === true)

  const broken = await fetch(`${relay.baseUrl}/responses`, { method: "POST" })
  expect(await broken.text().catch(() => "broken off")).toBe("broken off")
  expect(relay.exchanges.map(exchange => exchange.hasEnded)).toEqual([false, false])
  await Promise.all([relay.stop(), upstream.stop()])
})
