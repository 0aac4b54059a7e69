/** Tests of the ledger's export: all formats say the same, the chain of hashes holds, and memory does not. */
import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import {
  EXPORT_FORMATS,
  type ExportFormat,
  exportLedger,
  FIRST_HASH,
} from "../../../src/wallet/books/export.ts"
import { openStoryBooks, type StoryBooks } from "../../books/story-books.ts"

interface Line {
  type: string
  hash: string
  [member: string]: string | number | null
}

interface Asked {
  since?: number
  until?: number
}

async function exportAs({ store }: StoryBooks, format: ExportFormat, { since, until }: Asked = {}) {
  const pieces: string[] = []
  const steps = exportLedger(store.read, { format, since, until })
  for (;;) {
    const { done, value } = await steps.next()
    if (done) return { pieces, text: pieces.join(""), end: value }
    pieces.push(value)
  }
}

const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split("\n")
    .map(line => JSON.parse(line))

describe("the export of the ledger", () => {
  test("as JSON lines has a head, every transfer in order of time, the trial balance and the end", async () => {
    const books = await openStoryBooks()
    const lines = linesOf((await exportAs(books, "jsonl")).text)
    const rows = await books.store.read.all<{ id: string }>(
      "SELECT id FROM ledger_transfer ORDER BY created_at, id",
    )
    expect(lines[0]).toMatchObject({ type: "ledger-export", version: 1, since: null, until: null })
    expect(lines.filter(({ type }) => type === "transfer").map(({ id }) => id)).toEqual(
      rows.map(({ id }) => id),
    )
    expect(lines.find(({ kind }) => kind === "share")).toEqual({
      type: "transfer",
      id: "share:cus_01k00000000000000000000010",
      groupId: "share:cus_01k00000000000000000000010",
      kind: "share",
      ledger: "token",
      from: "system/issue_share",
      to: "cus_01k00000000000000000000010/token",
      amountUsd: "0.05",
      ref: "",
      actor: "customer:cus_01k00000000000000000000010",
      eventAt: "2026-06-28T00:00:00.000Z",
      createdAt: "2026-06-28T00:00:00.000Z",
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(lines.find(({ account }) => account === "system/issue_share")).toMatchObject({
      type: "balance",
      ledger: "token",
      givenUsd: "0.05",
      takenUsd: "0.00",
      balanceUsd: "-0.05",
    })
    expect(lines.at(-1)).toMatchObject({ type: "end", transferCount: rows.length })
  })

  test("is a chain that anyone can check: the hash before and the line without its own", async () => {
    const { text, end } = await exportAs(await openStoryBooks(), "jsonl")
    let before = FIRST_HASH
    for (const { hash, ...line } of linesOf(text)) {
      before = createHash("sha256").update(before).update(JSON.stringify(line)).digest("hex")
      expect(hash).toBe(before)
    }
    expect(end.hash).toBe(before)
  })

  test("names the same last hash in each format, and the same one again", async () => {
    const books = await openStoryBooks()
    const exports = []
    for (const format of [...EXPORT_FORMATS, ...EXPORT_FORMATS]) exports.push(await exportAs(books, format))
    expect(new Set(exports.map(({ end }) => end.hash)).size).toBe(1)
    for (const { text, end } of exports) expect(text).toContain(end.hash)
  })

  test("changes its last hash with any change of any transfer", async () => {
    const books = await openStoryBooks()
    const before = (await exportAs(books, "csv")).end
    await books.damage("UPDATE ledger_transfer SET actor = 'admin:nobody' WHERE kind = 'share'")
    const after = (await exportAs(books, "csv")).end
    expect(after.transfer_count).toBe(before.transfer_count)
    expect(after.hash).not.toBe(before.hash)
  })

  test("as CSV is one table, in which nothing runs as a formula", async () => {
    const books = await openStoryBooks()
    await books.damage(`UPDATE ledger_transfer SET ref = '=cmd()' || char(10) || ',"' WHERE kind = 'share'`)
    const { text } = await exportAs(books, "csv")
    const [header = ""] = text.split("\r\n")
    expect(header).toBe(
      "type,id,groupId,kind,ledger,from,to,amountUsd,ref,actor,eventAt,createdAt,account,givenUsd,takenUsd,transferCount,hash",
    )
    expect(text).toContain(`,"'=cmd()\n,""",`)
    const rows = text.replace(`"'=cmd()\n,"""`, "").trimEnd().split("\r\n")
    expect(rows.map(row => row.split(",").length)).toEqual(rows.map(() => header.split(",").length))
  })

  test("of a span has its transfers only, and their balances", async () => {
    const books = await openStoryBooks()
    const at = Date.UTC(2026, 5, 28)
    await books.damage("UPDATE ledger_transfer SET created_at = created_at + 5 WHERE kind = 'share'")
    const idsOf = async (asked: Asked) => {
      const lines = linesOf((await exportAs(books, "jsonl", asked)).text)
      return lines.map(line => line.id ?? line.account ?? line.type)
    }
    expect(await idsOf({ since: at + 5, until: at + 6 })).toEqual([
      "ledger-export",
      "share:cus_01k00000000000000000000010",
      "customers/token",
      "system/issue_share",
      "end",
    ])
    expect(await idsOf({ since: at + 6 })).toEqual(["ledger-export", "end"])
    const head = linesOf((await exportAs(books, "jsonl", { since: at })).text)[0]
    expect(head).toMatchObject({ since: "2026-06-28T00:00:00.000Z", until: null })
  })

  test("comes in pieces of bounded size, however long the ledger is", async () => {
    const books = await openStoryBooks()
    await books.damage(
      `WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 4500)
       INSERT INTO ledger_transfer SELECT 'many:' || n, 'many', 'admin_credit', 'token', 'system/issue_admin', 'cus_1/token', n,
         '', '', 0, 4500 - n FROM n`,
    )
    const { pieces, end } = await exportAs(books, "jsonl")
    expect(pieces.map(piece => piece.split("\n").length - 1).filter(count => count > 2_000)).toEqual([])
    const ids = linesOf(pieces.join("")).map(({ id }) => id)
    expect(ids.slice(1, 3)).toEqual(["many:4500", "many:4499"])
    expect(new Set(ids.filter(id => id !== undefined)).size).toBe(end.transfer_count)
  })

  test("can be left in the middle and begun anew", async () => {
    const books = await openStoryBooks()
    for await (const _ of exportLedger(books.store.read, {
      format: "csv",
      since: undefined,
      until: undefined,
    }))
      break
    expect((await exportAs(books, "csv")).end.transfer_count).toBeGreaterThan(0)
  })

  test("shows instants that no date can name as they are", async () => {
    const books = await openStoryBooks()
    await books.damage("UPDATE ledger_transfer SET event_at = 9000000000000000 WHERE kind = 'share'")
    const lines = linesOf((await exportAs(books, "jsonl")).text)
    expect(lines.find(({ kind }) => kind === "share")!.eventAt).toBe("9000000000000000")
  })
})
