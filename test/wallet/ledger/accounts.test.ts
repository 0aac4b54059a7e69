/** A customer's accounts: opened once, read together, and frozen where spending starts. */
import { expect, test } from "bun:test"
import { getBalances, openAccounts, setFrozen } from "../../../src/wallet/ledger/accounts.ts"
import { toNanos } from "../../../src/wallet/ledger/nanos.ts"
import { post } from "../../../src/wallet/ledger/post.ts"
import { openTestStore } from "../../support/store.ts"

const customer_id = "cus_1"

const INSERT = `INSERT INTO customer (id, email, password_hash, status, created_at)
  VALUES (?1, ?1, 'none', 'active', 0)`

async function open() {
  const store = openTestStore()
  await store.tx(async q => {
    for (const id of [customer_id, "cus_2"]) {
      await q.run(INSERT, id)
      await openAccounts(q, id)
    }
  })
  let count = 0
  const move = (from: string, to: string) =>
    store.tx(q =>
      post(q, 0, [
        {
          id: `test:${++count}`,
          group_id: "test",
          kind: "test",
          from,
          to,
          amount_nanos: toNanos(1_000),
          ref: "",
          actor: "test",
          event_at: 0,
        },
      ]),
    )
  return { store, move, freeze: (is_frozen: boolean) => store.tx(q => setFrozen(q, customer_id, is_frozen)) }
}

test("opening twice changes nothing", async () => {
  const { store, move } = await open()
  await move("system/issue_admin", "cus_1/token")
  await store.tx(q => openAccounts(q, customer_id))
  expect(await getBalances(store.read, customer_id)).toEqual({
    token: toNanos(1_000),
    token_held: toNanos(0),
    cash: toNanos(0),
    cash_debt: toNanos(0),
    referral_pending: toNanos(0),
    is_frozen: false,
  })
})

test("nobody has balances that were never opened", async () => {
  const { store } = await open()
  await expect(getBalances(store.read, "cus_nobody")).rejects.toMatchObject({ reason: "not_found" })
})

test("a frozen Token Wallet gives nothing, takes credit, settles what is held, and leaves cash alone", async () => {
  const { store, move, freeze } = await open()
  for (const to of ["cus_1/token", "cus_1/token"]) await move("system/issue_admin", to)
  await move("cus_1/token", "cus_1/token_held")
  await move("system/issue_cash_admin", "cus_1/cash")
  await freeze(true)
  expect(await getBalances(store.read, customer_id)).toMatchObject({ is_frozen: true })
  const spend = () => move("cus_1/token", "cus_1/token_held")
  expect(await spend()).toEqual({ kind: "frozen", account: "cus_1/token" })
  expect(await move("system/issue_admin", "cus_1/token")).toEqual({ kind: "posted" })
  expect(await move("cus_1/token_held", "system/revenue_usage")).toEqual({ kind: "posted" })
  expect(await move("cus_1/cash", "system/issue_cash_admin")).toEqual({ kind: "posted" })
  await freeze(true)
  await freeze(false)
  expect(await spend()).toEqual({ kind: "posted" })
})

test("freezing one customer leaves the others alone, and an unknown one changes nothing", async () => {
  const { store } = await open()
  await store.tx(q => setFrozen(q, "cus_2", true))
  await store.tx(q => setFrozen(q, "cus_nobody", true))
  expect(await getBalances(store.read, "cus_2")).toMatchObject({ is_frozen: true })
  expect(await getBalances(store.read, customer_id)).toMatchObject({ is_frozen: false })
})
