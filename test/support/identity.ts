/** Customers and keys on a store in memory, without the rest of the server. */
import { createCustomer } from "../../src/auth/customers.ts"
import { createKey, createKeyRing } from "../../src/auth/keys.ts"
import { createVault } from "../../src/auth/vault.ts"
import { createNewId } from "../../src/platform/ids.ts"
import { createTestClock } from "./clock.ts"
import { createTestRandom } from "./random.ts"
import { openTestStore } from "./store.ts"

export type NewKey = Partial<Omit<Parameters<typeof createKey>[2], "customer_id">>

/** Everything that the functions of auth need, and two that make what they work on. */
export function openIdentity() {
  const store = openTestStore()
  const clock = createTestClock()
  const random = createTestRandom()
  const vault = createVault("a secret of the tests, 32 letters or more", random)
  const newId = createNewId({ clock, random })
  const needs = { store, clock, random, vault, newId }
  let made_count = 0
  return {
    ...needs,
    keys: createKeyRing(needs),
    /** Inserts a customer; the hash is no hash unless one is given. */
    async addCustomer(input: { email?: string; password_hash?: string } = {}): Promise<string> {
      clock.advance(1)
      const { email = `customer${++made_count}@example.com`, password_hash = "none" } = input
      return (await store.tx(q => createCustomer(q, needs, { email, password_hash }))).id
    },
    async addKey(customer_id: string, key: NewKey = {}): Promise<{ id: string; token: string }> {
      clock.advance(1)
      return store.tx(q => createKey(q, needs, { kind: "user", name: "laptop", ...key, customer_id }))
    },
  }
}
