/** What a protocol drops on purpose, as its `losses.ts` lists it. */

/** A field and the reason why it is not carried. */
export interface Loss {
  field: string
  reason: string
}
