/** The bench's upstream process: canned answers in three protocols, with a mode that the bench switches over HTTP. */
import { textTurn, wholeTextTurn } from "../support/responses-turns.ts"
import { chatWire } from "../support/upstreams/chat.ts"
import { messagesWire } from "../support/upstreams/messages.ts"
import type { Wire } from "../support/upstreams/turn.ts"
import { stampNow } from "./connection.ts"
import { PATHS } from "./ways.ts"

/** How the upstream answers from now on; sent to `POST /control`. */
export interface UpstreamMode {
  /** Wait before the first byte. */
  delayMs: number
  /**
   * `packed`: all at once; `paced`: one by one, 1 ms apart; `held`: up to the first delta, then silence; `stamped`:
   * the first delta says when it was written, 20 ms after what comes before it; `long`: `deltaCount` deltas.
   */
  pace: "packed" | "paced" | "held" | "stamped" | "long"
  deltaCount?: number
}

/** A streamed answer of 40 events in pieces. */
interface Canned {
  /** What comes before the first delta. */
  opening: string
  deltas: string[]
  ending: string[]
}

const usage = { input: 120, cached: 0, output: 40 }
const encoder = new TextEncoder()
const words = "word ".repeat(64)
// 32 deltas and the 8 events around them are the 40 events of the bench.
const deltaCount = 32
const answers: Record<string, Canned> = {
  [PATHS["openai-responses"]]: cut(textTurn(words, usage, { deltas: deltaCount })),
  [PATHS["openai-chat"]]: cut(framesOf(chatWire)),
  [PATHS["anthropic-messages"]]: cut(framesOf(messagesWire)),
}
const whole = encoder.encode(JSON.stringify(wholeTextTurn("0123456789".repeat(12), usage)))
let mode: UpstreamMode = { delayMs: 0, pace: "packed" }

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === "/health") return new Response("ok")
    if (pathname === "/control") {
      mode = (await request.json()) as UpstreamMode
      return new Response("ok")
    }
    const body = await request.text()
    if (mode.delayMs > 0) await Bun.sleep(mode.delayMs)
    if (!body.includes('"stream":true')) {
      return new Response(whole, { headers: { "content-type": "application/json" } })
    }
    const canned = answers[pathname]
    if (!canned) return new Response("no such path", { status: 404 })
    const stream = mode.pace === "long" ? longStream(canned) : shortStream(canned)
    return new Response(stream, { headers: { "content-type": "text/event-stream; charset=utf-8" } })
  },
})
console.log(`bench upstream listening on http://127.0.0.1:${server.port}`)

function framesOf(wire: Wire): string[] {
  const parts = [{ kind: "text" as const, text: words }]
  return wire.frames(
    { parts, pieces: deltaCount, counts: usage },
    { model: "bench", stream_options: { include_usage: true } },
  )
}

function cut(frames: string[]): Canned {
  const first = frames.findIndex(frame => frame.includes("word "))
  return {
    opening: frames.slice(0, first).join(""),
    deltas: frames.slice(first, first + deltaCount),
    ending: frames.slice(first + deltaCount),
  }
}

function shortStream({
  opening,
  deltas: [first = "", ...others],
  ending,
}: Canned): ReadableStream<Uint8Array> {
  const { pace } = mode
  return new ReadableStream({
    async start(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text))
      // Up to the first delta, what a gateway may wait for before it answers leaves in one piece.
      send(pace === "stamped" ? opening : opening + first)
      if (pace === "held") return
      if (pace === "stamped") {
        await Bun.sleep(20)
        send(first.replace("word ", stampNow()))
      }
      if (pace === "paced") {
        for (const text of [...others, ...ending]) {
          await Bun.sleep(1)
          send(text)
        }
      } else send([...others, ...ending].join(""))
      controller.close()
    },
  })
}

/** As many deltas as the mode says, in pieces of 16, no faster than they are read. */
function longStream({ opening, deltas, ending }: Canned): ReadableStream<Uint8Array> {
  const batch = encoder.encode(deltas.slice(0, 16).join(""))
  let left = Math.ceil((mode.deltaCount ?? 0) / 16)
  return new ReadableStream({
    start: controller => controller.enqueue(encoder.encode(opening)),
    pull(controller) {
      left -= 1
      if (left >= 0) return controller.enqueue(batch)
      controller.enqueue(encoder.encode(ending.join("")))
      controller.close()
    },
  })
}
