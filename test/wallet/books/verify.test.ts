/** Tests of the laws that other books than the ledger tell: damage that keeps every balance right is found and named. */
import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { openStore, type Query, type SqlValue } from "../../../src/platform/store.ts"
import { verifyBooks } from "../../../src/wallet/books/verify.ts"
import { addCustomers, openStoryBooks, type StoryBooks, tellEachStory } from "../../books/story-books.ts"
import { openFolder } from "../../support/folder.ts"

const COLUMNS =
  "group_id, kind, ledger, from_account, to_account, amount_nanos, ref, actor, event_at, created_at"

/** Moves the balances of customers as a transfer (an SQL condition) did, so many times: -1 undoes it. */
const moving = (transfer: string, times: 1 | -1) =>
  (["to_account", "from_account"] as const).map(
    (
      side,
      index,
    ) => `UPDATE ledger_account SET balance_nanos = balance_nanos + ${index === 0 ? times : -times}
      * (SELECT amount_nanos FROM ledger_transfer WHERE ${transfer})
      WHERE id = (SELECT ${side} FROM ledger_transfer WHERE ${transfer})`,
  )
/** Statements of which those about system accounts change nothing. */
const balanced = async (books: StoryBooks, transfer: string, times: 1 | -1) => {
  const kept = await Promise.all(
    (["to_account", "from_account"] as const).map(async (side, index) => {
      const account = await books.pick(`SELECT ${side} FROM ledger_transfer WHERE ${transfer}`)
      return account.startsWith("system/") ? [] : [moving(transfer, times)[index]!]
    }),
  )
  return kept.flat()
}

async function remove(books: StoryBooks, kind: string): Promise<void> {
  const id = await books.pick(`SELECT min(id) FROM ledger_transfer WHERE kind = '${kind}'`)
  const transfer = `id = '${id}'`
  await books.damage(
    ...(await balanced(books, transfer, -1)),
    `DELETE FROM ledger_transfer WHERE ${transfer}`,
  )
}

async function repeat(books: StoryBooks, kind: string): Promise<void> {
  const id = await books.pick(`SELECT min(id) FROM ledger_transfer WHERE kind = '${kind}'`)
  const transfer = `id = '${id}'`
  const insert = `INSERT INTO ledger_transfer (id, ${COLUMNS}) SELECT id || ':2', ${COLUMNS} FROM ledger_transfer`
  await books.damage(...(await balanced(books, transfer, 1)), `${insert} WHERE ${transfer}`)
}

/** Every kind that the stories make, but an operator's corrections, which no other book knows. */
const KINDS = [
  "package_payment",
  "package_credit",
  "bonus_credit",
  "cash_load",
  "refund",
  "refund_credit",
  "refund_cash",
  "refund_debt",
  "refund_returned",
  "refund_collected_returned",
  "dispute",
  "dispute_credit",
  "dispute_cash",
  "dispute_debt",
  "dispute_returned",
  "dispute_credit_returned",
  "dispute_cash_returned",
  "debt_collected",
  "checkin",
  "share",
  "gumroad",
  "commission",
  "commission_payout",
  "commission_reversed",
  "commission_voided",
]

const DAMAGE: { name: string; sql: string[]; finding: RegExp }[] = [
  {
    name: "a purchase was marked as paid without a payment",
    sql: [
      `INSERT INTO purchase (id, customer_id, kind, price_cents, credit_nanos, bonus_nanos, vip_days, state, is_live,
         created_at, paid_at) SELECT 'ord_x', customer_id, 'package', 500, 5, 0, 0, 'paid', 1, 0, 0 FROM purchase LIMIT 1`,
    ],
    finding: /5: ord_x is paid, but there is no plan:null/,
  },
  {
    name: "a paid purchase was opened again",
    sql: ["UPDATE purchase SET state = 'open', paid_at = NULL WHERE code IS NOT NULL"],
    finding: /5: .* is too much: ord_\w+ \(open\) has no such part/,
  },
  {
    name: "a purchase says that it gave more",
    sql: ["UPDATE purchase SET credit_nanos = credit_nanos + 1 WHERE code IS NOT NULL"],
    finding: /5: .*:credit is package_credit .* 10000000000, not package_credit .* 10000000001/,
  },
  {
    name: "a purchase is said to be another customer's",
    sql: ["UPDATE purchase SET customer_id = (SELECT max(id) FROM customer) WHERE code IS NOT NULL"],
    finding: /5: .*:credit is package_credit/,
  },
  {
    name: "the use of a code was deleted",
    sql: ["DELETE FROM code_use"],
    finding: /5: code:MADEBOOKS:\w+ is too much/,
  },
  {
    name: "a transfer was put to a purchase that does not exist",
    sql: ["UPDATE ledger_transfer SET group_id = 'ord_gone' WHERE kind = 'bonus_credit'"],
    finding: /5: code:MADEBOOKS:\w+ belongs to no purchase: there is no ord_gone/,
  },
  {
    name: "a reversal says that it took less",
    sql: ["UPDATE reversal SET token_nanos = token_nanos - 1 WHERE token_nanos > 0 AND state = 'taken'"],
    finding: /5: stripe:refund:\w+:token is refund_credit/,
  },
  {
    name: "a reversal took more than the money that went back",
    sql: ["UPDATE reversal SET debt_nanos = debt_nanos + amount_cents * 10000000 WHERE state = 'taken'"],
    finding: /5: the parts of \w+ do not add up to its amount/,
  },
  {
    name: "a reversal is said to be returned, and nothing came back",
    sql: ["UPDATE reversal SET state = 'returned', returned_at = 1 WHERE state = 'taken'"],
    finding: /5: ord_\w+ is paid, but there is no stripe:\w+:\w+:returned/,
  },
  {
    name: "a reversal took from another customer",
    sql: ["UPDATE reversal SET customer_id = (SELECT max(id) FROM customer)"],
    finding: /5: \w+ took from cus_\w+ what cus_\w+ bought/,
  },
  {
    name: "a purchase from the Cash Wallet was taken back for no cash load",
    sql: ["UPDATE reversal SET id = 'du_x' || substr(id, instr(id, ':')) WHERE id LIKE '%:%'"],
    finding: /5: du_x:ord_\w+ took back a purchase from the Cash Wallet without the cash load/,
  },
  {
    name: "a purchase from the Cash Wallet stays taken, though its cash load was returned",
    sql: ["UPDATE reversal SET state = 'taken', returned_at = NULL WHERE id LIKE '%:%'"],
    finding: /5: \w+:ord_\w+ took back a purchase from the Cash Wallet without the cash load/,
  },
  {
    name: "a reversal took VIP time that the purchase had not given",
    sql: ["UPDATE reversal SET vip_ms = 1 WHERE state = 'taken'"],
    finding: /5: reversals of ord_\w+ took 1 ms of VIP time/,
  },
  {
    name: "a debt that credit had paid came back as cash",
    sql: [
      `UPDATE ledger_transfer SET id = replace(id, ':token:', ':cash:'), ledger = 'cash', from_account = 'system/sales_package',
         to_account = replace(to_account, '/token', '/cash') WHERE kind = 'refund_collected_returned'`,
    ],
    finding: /5: cus_\w+\/cash got \d+ nano-USD of collected debts back and had paid 0/,
  },
  {
    name: "a claim says another amount than was given",
    sql: ["UPDATE reward_claim SET amount_nanos = amount_nanos + 1 WHERE rule = 'share'"],
    finding: /5: share:\w+ was not given as it was claimed/,
  },
  {
    name: "a claim is said to be of another rule",
    sql: ["UPDATE reward_claim SET rule = 'gumroad' WHERE rule = 'share'"],
    finding: /5: share:\w+ was not given as it was claimed/,
  },
  {
    name: "what was taken back had not been given for a licence",
    sql: ["UPDATE reward_claim SET rule = 'share' WHERE rule = 'gumroad'"],
    finding: /5: gumroad:\w+:void took back what was not given so/,
  },
  {
    name: "a commission was moved to another referrer's account",
    sql: ["UPDATE referral_commission SET referrer_id = (SELECT max(id) FROM customer) WHERE state = 'paid'"],
    finding: /5: the commission of a purchase does not add up/,
  },
  {
    name: "a pending commission is said to be paid",
    sql: ["UPDATE referral_commission SET state = 'paid' WHERE state = 'pending'"],
    finding: /5: the commission of a purchase does not add up/,
  },
  {
    name: "a paid commission is said to have been more",
    sql: ["UPDATE referral_commission SET amount_nanos = amount_nanos + 1 WHERE state = 'paid'"],
    finding: /5: the commission of a purchase does not add up/,
  },
  {
    name: "a paid commission is said not to have been reversed",
    sql: ["UPDATE referral_commission SET reversed_nanos = 0 WHERE reversed_nanos > 0 AND state = 'paid'"],
    finding: /5: the commission of a purchase does not add up/,
  },
  {
    name: "a payout was posted under an id that does not keep it from being made again",
    sql: ["UPDATE ledger_transfer SET id = 'x' || id WHERE kind = 'commission_payout'"],
    finding: /5: the commission of a purchase does not add up/,
  },
  {
    name: "a commission is said not to have been reversed",
    sql: ["UPDATE referral_commission SET reversed_nanos = 0 WHERE reversed_nanos > 0"],
    finding: /5: the commission of a purchase does not add up/,
  },
  {
    name: "a debt was collected with money that never came",
    sql: ["UPDATE ledger_transfer SET group_id = 'ord_gone' WHERE kind = 'debt_collected'"],
    finding: /5: with ord_gone \d+ nano-USD were taken for a debt/,
  },
  {
    name: "a transfer goes the other way than its kind does",
    sql: [
      `UPDATE ledger_transfer SET from_account = 'system/issue_share', kind = 'checkin' WHERE kind = 'share'`,
    ],
    finding:
      /1: 1 × checkin, system\/issue_share > customers\/token, \$0\.05: a checkin goes system\/issue_checkin > customers\/token, e\.g\. share:/,
  },
  {
    name: "a transfer is of a kind that nobody knows",
    sql: ["UPDATE ledger_transfer SET kind = 'present' WHERE kind = 'share'"],
    finding: /1: 1 × present, .*: there is no rule called present/,
  },
  {
    name: "a gift became money",
    sql: [
      `UPDATE ledger_transfer SET to_account = replace(to_account, '/token', '/cash') WHERE kind = 'share'`,
    ],
    finding: /1: 1 × share, system\/issue_share > customers\/cash, \$0\.05: it crosses ledgers/,
  },
  {
    name: "credit went from one customer to another",
    sql: [
      `UPDATE ledger_transfer SET to_account = (SELECT min(id) FROM customer) || '/cash' WHERE kind = 'commission_payout'`,
    ],
    finding: /1: 2 × commission_payout, .*: it goes from one customer to another/,
  },
  {
    name: "a transfer names an account that is none",
    sql: ["UPDATE ledger_transfer SET to_account = 'nowhere' WHERE kind = 'share'"],
    finding: /1: 1 × share, .*: there is no account customers/,
  },
  {
    name: "a transfer takes from an account that only takes itself",
    sql: ["UPDATE ledger_transfer SET from_account = 'system/revenue_usage' WHERE kind = 'share'"],
    finding: /1: 1 × share, .*: system\/revenue_usage only takes/,
  },
  {
    name: "a transfer is in another ledger than its accounts",
    sql: ["UPDATE ledger_transfer SET ledger = 'cash' WHERE kind = 'share'"],
    finding: /1: 1 × share, .*: its accounts are in the token ledger, not cash/,
  },
]

describe("the laws of all books", () => {
  test("are kept by everything that purchases, reversals, rewards, debts and commissions do", async () => {
    const books = await openStoryBooks()
    expect(await books.findings()).toEqual([])
    const kinds = await books.store.read.all<{ kind: string }>("SELECT DISTINCT kind FROM ledger_transfer")
    expect(
      kinds
        .map(({ kind }) => kind)
        .filter(kind => !kind.startsWith("admin_"))
        .sort(),
    ).toEqual([...KINDS].sort())
  })

  test.each(KINDS)("a %s that is missing is found, though all balances fit", async kind => {
    const books = await openStoryBooks()
    await remove(books, kind)
    const findings = await books.findings()
    expect(findings.length).toBeGreaterThan(0)
    expect(findings.filter(finding => !/^[35]: /.test(finding))).toEqual([])
  })

  test.each(KINDS)("a %s that was made twice is found, though all balances fit", async kind => {
    const books = await openStoryBooks()
    await repeat(books, kind)
    const findings = await books.findings()
    expect(findings.length).toBeGreaterThan(0)
    expect(findings.filter(finding => !/^[35]: /.test(finding))).toEqual([])
  })

  test.each(DAMAGE)("is found: $name", async ({ sql, finding }) => {
    const books = await openStoryBooks()
    await books.damage(...sql)
    expect((await books.findings()).filter(one => finding.test(one)).length).toBeGreaterThan(0)
  })

  test("no more than 20 findings of a law are listed", async () => {
    const books = await openStoryBooks()
    await books.damage("DELETE FROM ledger_transfer WHERE kind NOT LIKE 'commission%' AND kind <> 'checkin'")
    const findings = await books.findings()
    expect(findings.filter(finding => finding.startsWith("5: ord_"))).toHaveLength(20)
  })

  test("are checked as the books stood at one moment, beside a server that goes on", async () => {
    using folder = openFolder()
    const path = join(folder.path, "codexapi.db")
    const store = openStore({ path, migrations: "main", synchronous: "NORMAL" })
    await addCustomers(store)
    let is_told = false
    const read: Query = {
      ...store.read,
      async all<Row>(sql: string, ...values: SqlValue[]) {
        // The ledger was read already, purchases and rewards were not.
        if (!is_told && /FROM purchase/.test(sql)) {
          is_told = true
          await tellEachStory(store)
        }
        return store.read.all<Row>(sql, ...values)
      },
    }
    expect((await verifyBooks(read)).flatMap(({ findings }) => findings)).toEqual([])
    expect(is_told).toBe(true)
    const { count } = (await store.read.get<{ count: number }>("SELECT count(*) AS count FROM purchase"))!
    expect(count).toBeGreaterThan(0)
    expect((await verifyBooks(store.read)).flatMap(({ findings }) => findings)).toEqual([])
    await store.close()
  })

  test("leave the connection free for others", async () => {
    const books = await openStoryBooks()
    await books.findings()
    await books.store.tx(q => q.run("UPDATE customer SET vip_until = 1"))
    expect(await books.findings()).toEqual([])
  })
})
