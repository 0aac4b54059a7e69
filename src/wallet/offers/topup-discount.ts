/** What a bonus code would add, asked before a top-up; nothing is taken, and guessing is throttled. */
import type { Clock } from "../../platform/clock.ts"
import { hostNetworkOf } from "../../platform/network.ts"
import { type AttemptNeeds, limitAttempts } from "../../platform/rate-limit.ts"
import type { Store } from "../../platform/store.ts"
import { type CodeBonus, type CodeTerms, getCodeTerms, previewCode } from "./codes.ts"
import { getOfferedPackage, type PackageOffer } from "./packages.ts"

export interface DiscountAsked {
  customer_id: string
  /** The network address that asks. */
  address: string
  code: string
  /** Without one the answer has the terms only. */
  package_id?: string | undefined
}

export interface Discount extends CodeTerms {
  preview: { offer: PackageOffer; bonus: CodeBonus } | undefined
}

/**
 * Counts one code that is shown, per customer and per network; wherever a client may try codes this comes first.
 * Nothing is counted without a code. Throws `rate_limited`.
 */
export function limitCodeAttempts(
  needs: AttemptNeeds,
  { customer_id, address, code }: { customer_id: string; address: string; code: string | undefined },
): void {
  if (code === undefined) return
  limitAttempts(needs, [`code by ${customer_id}`, `code from ${hostNetworkOf(address)}`])
}

/** Throws what `getCodeTerms` and `previewCode` throw, `unprocessable` for an unknown package, `rate_limited`. */
export async function previewDiscount(
  needs: AttemptNeeds & { store: Store; clock: Clock },
  asked: DiscountAsked,
): Promise<Discount> {
  limitCodeAttempts(needs, asked)
  const { read } = needs.store
  const now = needs.clock.now()
  const terms = await getCodeTerms(read, now, asked)
  if (asked.package_id === undefined) return { ...terms, preview: undefined }
  const offer = await getOfferedPackage(read, asked.package_id)
  return { ...terms, preview: { offer, bonus: await previewCode(read, now, { ...asked, offer }) } }
}
