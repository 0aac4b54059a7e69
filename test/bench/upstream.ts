/** The bench's upstream process: canned Responses answers, with a mode that the bench switches over HTTP. */
import { textTurn, wholeTextTurn } from "../support/responses-turns.ts"

/** How the upstream answers from now on; sent to `POST /control`. */
export interface UpstreamMode {
  /** Wait before the first byte. */
  delayMs: number
  /** `packed`: all at once; `paced`: one by one, 1 ms apart; `held`: up to the first delta, then silence. */
  pace: "packed" | "paced" | "held"
}

const usage = { input: 120, cached: 0, output: 40 }
const encoder = new TextEncoder()
// 32 deltas and the 8 events around them are the 40 events of the bench.
const frames = textTurn("word ".repeat(64), usage, { deltas: 32 })
// Up to the first delta: what a gateway may wait for before it answers leaves in one piece.
const leadCount = 5
const lead = encoder.encode(frames.slice(0, leadCount).join(""))
const chunks = frames.slice(leadCount).map(frame => encoder.encode(frame))
const rest = encoder.encode(frames.slice(leadCount).join(""))
const whole = encoder.encode(JSON.stringify(wholeTextTurn("0123456789".repeat(12), usage)))
let mode: UpstreamMode = { delayMs: 0, pace: "packed" }

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    if (request.url.endsWith("/health")) return new Response("ok")
    if (request.url.endsWith("/control")) {
      mode = (await request.json()) as UpstreamMode
      return Response.json({
        frames: frames.length,
        sseBytes: frames.join("").length,
        jsonBytes: whole.length,
      })
    }
    const body = await request.text()
    if (mode.delayMs > 0) await Bun.sleep(mode.delayMs)
    if (!body.includes('"stream":true')) {
      return new Response(whole, { headers: { "content-type": "application/json" } })
    }
    return new Response(stream(), { headers: { "content-type": "text/event-stream; charset=utf-8" } })
  },
})
console.log(`bench upstream listening on http://127.0.0.1:${server.port}`)

function stream(): ReadableStream<Uint8Array> {
  const { pace } = mode
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(lead)
      if (pace === "held") return
      if (pace === "packed") controller.enqueue(rest)
      for (const chunk of pace === "paced" ? chunks : []) {
        await Bun.sleep(1)
        controller.enqueue(chunk)
      }
      controller.close()
    },
  })
}
