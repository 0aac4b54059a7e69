/** Lets work under way in this process go on: turns of the event loop, counted, never time. */

const MOST_TURNS = 2_000

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Returns once `isTrue` holds; throws naming `what` when it does not within 2,000 turns. */
export async function untilTrue(what: string, isTrue: () => boolean): Promise<void> {
  for (let count = 0; !isTrue(); count++) {
    if (count === MOST_TURNS) throw new Error(`not within ${MOST_TURNS} turns: ${what}`)
    await turn()
  }
}
