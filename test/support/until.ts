/** Waits for a condition by looking again and again, within a bound; for things other processes do. */

/** Returns once `isTrue` holds; throws naming `what` after `withinMs`. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  withinMs = 5000,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await Bun.sleep(3)
  }
}
