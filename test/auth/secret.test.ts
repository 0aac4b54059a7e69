/** The check of the server's secret against the database. */
import { expect, test } from "bun:test"
import { assertSecret } from "../../src/auth/secret.ts"
import { createVault } from "../../src/auth/vault.ts"
import { openIdentity } from "../support/identity.ts"

test("the first secret is the database's own, any other is refused, and the first still works", async () => {
  const { store, vault, random } = openIdentity()
  await assertSecret({ store, vault })
  const other = createVault("another secret of the tests, also long", random)
  await expect(assertSecret({ store, vault: other })).rejects.toMatchObject({ reason: "unavailable" })
  await assertSecret({ store, vault })
})
