/** Refunds and disputes: any part of a payment, or more than it, again, in any order; and undone again. */
import { returnReversal, reversePurchase } from "../../src/wallet/purchases/reverse.ts"
import { launch } from "./launch.ts"
import { assertThat } from "./oracle.ts"
import { giveBack, type Purchase, reverse } from "./oracle-purchases.ts"
import type { World } from "./world.ts"

export interface Told {
  id: string
  purchase: Purchase
  kind: "refund" | "dispute"
  cents: number
}

/** A reversal of everything, of a part, or of more than was paid. */
export function pickReversal(world: World, purchase: Purchase): Told {
  const { random } = world
  const { price_cents } = purchase
  const cents = random.pick([
    price_cents,
    random.between(1, price_cents),
    random.between(1, price_cents),
    price_cents + random.int(60),
  ])
  const kind = random.pick(["refund", "dispute"] as const)
  return { id: world.newId(kind === "refund" ? "re" : "du"), purchase, kind, cents }
}

/** The bank or the operator takes a payment back. */
export function takeBack(world: World, { id, purchase, kind, cents }: Told): void {
  const { oracle, now } = world
  launch<"taken" | "taken-before">(world, {
    what: `${kind} ${id} of ${cents} cents of ${purchase.id}`,
    call: needs =>
      needs.store.tx(q =>
        reversePurchase(q, needs, {
          reversal_id: id,
          purchase_id: purchase.id,
          kind,
          amount_cents: cents,
          event_at: now,
        }),
      ),
    foresee() {
      const is_known = oracle.reversals.has(id)
      if (!is_known && !oracle.purchases.has(purchase.id)) return { refusal: "not_found" }
      if (!is_known && purchase.state !== "paid") return { refusal: "internal" }
      return {
        check: checkAnswer(is_known ? "taken-before" : "taken"),
        follow: () => is_known || reverse(oracle, { id, purchase, kind, cents, now }),
      }
    },
  })
}

/** A refund failed, or a dispute was won. */
export function undo(world: World, id: string): void {
  const { oracle, now } = world
  launch<"returned" | "returned-before" | "unknown">(world, {
    what: `return ${id}`,
    call: needs => needs.store.tx(q => returnReversal(q, needs, { reversal_id: id, event_at: now })),
    foresee() {
      const reversal = oracle.reversals.get(id)
      const answer = reversal && (reversal.state === "taken" ? "returned" : "returned-before")
      return {
        check: checkAnswer(answer ?? "unknown"),
        follow: () => answer === "returned" && giveBack(oracle, reversal!, now),
      }
    },
  })
}

const checkAnswer = (answer: string) => (value: unknown) =>
  assertThat(value === answer, () => `should be ${answer}, is ${value}`)
