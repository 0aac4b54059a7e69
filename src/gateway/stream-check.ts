/** Checks a sample of the streams that clients get against the laws of their protocol; changes none of them. */

import type { Random } from "../platform/ids.ts"
import type { Log } from "../platform/log.ts"
import type { Metrics } from "../platform/metrics.ts"
import type { Outlet } from "./outlet.ts"
import { CLIENTS, type ClientProtocol } from "./protocol/codecs.ts"
import { createEventSplitter, eventData, eventName, splitEvents } from "./protocol/sse.ts"

interface CheckNeeds {
  random: Random
  metrics: Metrics
  log: Log
}

/** One stream in so many is checked: enough to notice what goes wrong, too few to cost anything. */
const ONE_IN = 64
const MOST_LOGGED = 5

/** The same outlet; when it is drawn, what it writes is checked, counted and logged once it has ended. */
export function checkSome(
  needs: CheckNeeds,
  outlet: Outlet,
  about: { protocol: ClientProtocol; request_id: string },
): Outlet {
  const [drawn = 1] = needs.random(1)
  return drawn % ONE_IN === 0 ? checkStream(needs, outlet, about) : outlet
}

export function checkStream(
  { metrics, log }: Omit<CheckNeeds, "random">,
  outlet: Outlet,
  { protocol, request_id }: { protocol: ClientProtocol; request_id: string },
): Outlet {
  const validator = CLIENTS[protocol].startValidating()
  const splitter = createEventSplitter()
  const unreadable: string[] = []

  function check(bytes: Uint8Array): void {
    for (const event of splitEvents(splitter.push(bytes).text)) {
      const data = eventData(event)
      if (data !== "") note(eventName(event), data === "[DONE]" ? data : parse(data))
    }
  }

  function note(name: string | undefined, data: unknown): void {
    try {
      validator.note(name, data)
    } catch (error) {
      // A check must never cost a client its answer: what cannot be judged is a violation by itself.
      unreadable.push(error instanceof Error ? error.message : String(error))
    }
  }

  function end(): void {
    const violations = [...validator.end(), ...unreadable]
    if (violations.length === 0) return
    metrics.stream_violations.inc({ protocol }, violations.length)
    log.warn("a stream broke the laws of its protocol", {
      request_id,
      protocol,
      violations: violations.slice(0, MOST_LOGGED),
    })
  }

  return {
    ...outlet,
    write(batch) {
      const bytes = outlet.write(batch)
      check(bytes)
      if (batch.is_end) end()
      return bytes
    },
    fail(error) {
      const bytes = outlet.fail(error)
      check(bytes)
      end()
      return bytes
    },
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    // The validator says what it thinks of a text that is no object.
    return data
  }
}
