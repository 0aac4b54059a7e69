/** How many answers are read on for clients that left: a place each, so that nobody takes all of them. */

export interface Drains {
  /** Takes a place; the answer gives it back. `undefined` when all places, or the customer's share, are taken. */
  enter(customer_id: string): (() => void) | undefined
  /** Places taken. */
  count(): number
}

/** Bounds of money.md, and one customer's share of them. */
const MOST_DRAINS = 64
const MOST_OF_ONE = 16

export function createDrains(): Drains {
  const open = new Map<string, number>()
  let count = 0
  return {
    count: () => count,
    enter(customer_id) {
      const own = open.get(customer_id) ?? 0
      if (count >= MOST_DRAINS || own >= MOST_OF_ONE) return undefined
      count += 1
      open.set(customer_id, own + 1)
      return () => {
        count -= 1
        const left = (open.get(customer_id) ?? 1) - 1
        if (left > 0) open.set(customer_id, left)
        else open.delete(customer_id)
      }
    },
  }
}
