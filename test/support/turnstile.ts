/** Lets only so many pieces of work run at once; heavy programs wait here for their turn. */

/** Runs the work when fewer than `count` others run, in the order of asking. */
export type Turnstile = <T>(work: () => Promise<T>) => Promise<T>

/** A turnstile for `count` at a time. */
export function openTurnstile(count: number): Turnstile {
  let free = count
  const waiting: (() => void)[] = []
  return async work => {
    if (free === 0) await new Promise<void>(resolve => waiting.push(resolve))
    else free--
    try {
      return await work()
    } finally {
      // The place goes straight to the next in line, or becomes free.
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
