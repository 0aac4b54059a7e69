/** The statement as a page and as a table: everything is on it, and nothing in it runs. */
import { describe, expect, test } from "bun:test"
import { writeStatementCsv } from "../../../src/wallet/statements/statement-csv.ts"
import { writeStatementHtml } from "../../../src/wallet/statements/statement-html.ts"
import type { ApiStatement } from "../../../src/wallet/statements/statement-view.ts"

const nothing = { openingUsd: "0.00", inUsd: "0.00", outUsd: "0.00", closingUsd: "0.00" }

const statement: ApiStatement = {
  customerId: "cus_1",
  email: "ada@example.com",
  month: "2026-01",
  from: "2026-01-01T00:00:00.000Z",
  until: "2026-02-01T00:00:00.000Z",
  madeAt: "2026-02-03T04:05:06.000Z",
  isComplete: true,
  currency: "USD",
  tokenWallet: { openingUsd: "1.00", inUsd: "10.00", outUsd: "0.25", closingUsd: "10.75" },
  cashWallet: nothing,
  debt: nothing,
  movements: [
    {
      at: "2026-01-05T10:11:12.000Z",
      wallet: "token",
      type: "purchase",
      kind: "package_credit",
      inUsd: "10.00",
      outUsd: "0.00",
      transferId: "stripe:pi:pi_1:credit",
      reference: "starter",
      purchase: {
        id: "ord_1",
        kind: "package",
        packageId: "starter",
        priceUsd: "9.00",
        code: null,
        isTest: true,
      },
    },
  ],
  usage: [
    {
      day: "2026-01-06",
      model: "gpt-5.5",
      requestCount: 3,
      inputTokens: 1_200,
      outputTokens: 34,
      chargedUsd: "0.25",
    },
  ],
  totals: { requestCount: 3, chargedUsd: "0.25", purchaseCount: 1, paidUsd: "9.00" },
}

/** What a reader sees: cells between bars, a line a row. */
const textOf = (html: string): string =>
  html
    .slice(html.indexOf("<body>"))
    .replaceAll(/<\/t[dh]>/g, "|")
    .replaceAll(/<[^>]*>/g, "")

describe("the page", () => {
  const html = writeStatementHtml(statement, "CodexAPI.pro")

  test("shows whose it is, the balances, what moved, what was used, and the totals", () => {
    const text = textOf(html)
    for (const line of [
      "CodexAPI.pro",
      "Statement of 2026-01 (UTC) for ada@example.com, cus_1",
      "Token Wallet|1.00|10.00|0.25|10.75|",
      "Cash Wallet|0.00|0.00|0.00|0.00|",
      "2026-01-05 10:11|token|purchase (test: no money moved)|ord_1|9.00|10.00|0.00|",
      "2026-01-06|gpt-5.5|3|1200|34|0.25|",
      "Total||3|||0.25|",
      "Purchases: 1, paid $9.00.",
    ]) {
      expect(text).toContain(line)
    }
    expect(text).not.toContain("it will change")
  })

  test("of a month that goes on says that it will change, and lists that are empty say so", () => {
    const text = textOf(
      writeStatementHtml({ ...statement, isComplete: false, movements: [], usage: [] }, "B"),
    )
    expect(text).toContain("while the month goes on: it will change")
    expect(text.match(/None\./g)).toHaveLength(2)
  })

  test("is one file for paper: no script, nothing from elsewhere", () => {
    expect(html).toStartWith("<!doctype html>")
    expect(html).toContain("@media print")
    expect(html).not.toMatch(/<script|<link|<img|<iframe|src=|href=|url\(|@import|https?:|\son\w+=/i)
  })

  test("every value is text, whatever is in it", () => {
    const evil = `<script>alert("1")</script>&'<b`
    const evil_statement: ApiStatement = JSON.parse(JSON.stringify(statement), (key, value) =>
      typeof value === "string" && key !== "at" ? evil : value,
    )
    const page = writeStatementHtml(evil_statement, evil)
    expect(page).not.toMatch(/<script|<b\b(?!ody)/)
    expect(page).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;&lt;b")
    expect(page.match(/<[a-z]+/g)!.sort()).toEqual(html.match(/<[a-z]+/g)!.sort())
  })
})

test("the table has each wallet's opening, lines and closing, so that a spreadsheet adds up", () => {
  const [names, ...lines] = writeStatementCsv(statement).trimEnd().split("\r\n")
  expect(names).toBe(
    "at,wallet,type,kind,reference,transferId,purchaseId,priceUsd,isTest,model,requestCount,inputTokens,outputTokens,inUsd,outUsd,balanceUsd",
  )
  expect(lines).toEqual([
    "2026-01-01T00:00:00.000Z,token,opening,,,,,,,,,,,,,1.00",
    "2026-01-05T10:11:12.000Z,token,purchase,package_credit,starter,stripe:pi:pi_1:credit,ord_1,9.00,true,,,,,10.00,0.00,",
    "2026-01-06,token,usage,,,,,,,gpt-5.5,3,1200,34,0.00,0.25,",
    "2026-02-01T00:00:00.000Z,token,closing,,,,,,,,,,,,,10.75",
    "2026-01-01T00:00:00.000Z,cash,opening,,,,,,,,,,,,,0.00",
    "2026-02-01T00:00:00.000Z,cash,closing,,,,,,,,,,,,,0.00",
    "2026-01-01T00:00:00.000Z,debt,opening,,,,,,,,,,,,,0.00",
    "2026-02-01T00:00:00.000Z,debt,closing,,,,,,,,,,,,,0.00",
  ])
})

test("a reason that begins like a formula stays text in the table", () => {
  const [movement] = statement.movements
  const table = writeStatementCsv({
    ...statement,
    movements: [{ ...movement!, reference: '=HYPERLINK("http://evil.example")', purchase: null }],
  })
  expect(table).toContain(`,"'=HYPERLINK(""http://evil.example"")",`)
})
