/** Keeps what a client is shown, to give the whole answer to whoever stores it; shows nothing else. */
import type { Recorder } from "./exchange.ts"
import type { Outlet } from "./outlet.ts"
import type { ClientProtocol } from "./protocol/codecs.ts"
import { UPSTREAMS } from "./protocol/codecs.ts"
import { isJsonObject, type JsonObject } from "./protocol/json.ts"

/** A stream is larger than the answer that it amounts to; one that is larger than this is not kept. */
const LARGEST_STREAM_BYTES = 64 * 1024 * 1024

/** The same outlet; the answer that it wrote is recorded before its end is sent. */
export function keepAnswer(outlet: Outlet, recorder: Recorder, protocol: ClientProtocol): Outlet {
  if (protocol === "openai-completions") return outlet
  let chunks: Uint8Array[] = []
  let size = 0
  return {
    ...outlet,
    write(batch) {
      const bytes = outlet.write(batch)
      if (!isNeeded(protocol, bytes)) return bytes
      size += bytes.length
      if (size <= LARGEST_STREAM_BYTES) chunks.push(bytes)
      else chunks = []
      return bytes
    },
    async afterEnd() {
      const text = Buffer.concat(chunks).toString("latin1")
      const answer = parseObject(UPSTREAMS[protocol].wholeAnswer(text))
      if (answer) await recorder.record(answer)
      await outlet.afterEnd?.()
    },
  }
}

/** A Responses stream says everything again when an item is done, and at its end: its deltas need not be kept. */
const isNeeded = (protocol: ClientProtocol, bytes: Uint8Array): boolean =>
  protocol !== "openai-responses" ||
  WHOLE.some(name => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(name))

const WHOLE = ["response.output_item.done", "response.completed", "response.incomplete", "response.failed"]

/** The object in a whole answer's text; undefined when there is none. */
export function parseObject(text: string | undefined): JsonObject | undefined {
  if (text === undefined || text === "") return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    return isJsonObject(parsed) ? parsed : undefined
  } catch {
    // An upstream's nonsense that passed through: nothing that could be stored.
    return undefined
  }
}
