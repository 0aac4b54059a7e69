/** Work that goes on after its request was answered: so that a shutdown can wait for it. */

export interface Tasks {
  /** Keeps track of a promise; its failure is reported to `onError`, never thrown. */
  track(work: Promise<unknown>): void
  count(): number
  /** Resolves when nothing is open any more. */
  idle(): Promise<void>
}

export function createTasks(onError: (error: unknown) => void): Tasks {
  const open = new Set<Promise<unknown>>()
  return {
    track(work) {
      const tracked = work.catch(onError).finally(() => open.delete(tracked))
      open.add(tracked)
    },
    count: () => open.size,
    async idle() {
      while (open.size > 0) await Promise.all(open)
    },
  }
}
