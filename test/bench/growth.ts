/** Whether memory grows with the length of a stream: the same load as many short streams, then as long ones. */
import { readUsage } from "./processes.ts"
import { runOnce, type Target } from "./runs.ts"
import type { UpstreamMode } from "./upstream.ts"
import { bodyOf, MESSAGES_ON_RESPONSES, PASSED, pathOf, type Way } from "./ways.ts"

export interface GrowthResult {
  /** The most that was resident while streams of so many events passed. */
  shortMb: number
  longMb: number
  longStreamCount: number
}

const SHORT_EVENTS = 2_000
const LONG_EVENTS = 100_000
const SAMPLE_MS = 10

export const growthWays: Record<string, Way> = {
  passed: PASSED,
  "Messages on Responses": MESSAGES_ON_RESPONSES,
}

interface GrowthSetup {
  way: Way
  seconds: number
  play(mode: UpstreamMode): Promise<void>
}

/** Measures one target; short streams run twice, because the first of them still fill caches and the heap. */
export async function measureGrowth(
  target: Target,
  { way, seconds, play }: GrowthSetup,
): Promise<GrowthResult> {
  const peakOf = async (deltaCount: number) => {
    await play({ delayMs: 0, pace: "long", deltaCount })
    const body = bodyOf({ way, isStreamed: true })
    const run = runOnce(target, { path: pathOf(target, way), body, concurrency: 2, seconds })
    return peakDuring(target.pid ?? process.pid, run)
  }
  await peakOf(SHORT_EVENTS)
  const short = await peakOf(SHORT_EVENTS)
  const long = await peakOf(LONG_EVENTS)
  return { shortMb: short.peakMb, longMb: long.peakMb, longStreamCount: long.of.firstByteMicros.length }
}

async function peakDuring<T>(pid: number, work: Promise<T>): Promise<{ peakMb: number; of: T }> {
  let peakMb = 0
  let isOver = false
  const over = work.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const { residentBytes } = await readUsage(pid)
    peakMb = Math.max(peakMb, residentBytes / 1024 / 1024)
    await Promise.race([over, Bun.sleep(SAMPLE_MS)])
  }
  return { peakMb, of: await over }
}
