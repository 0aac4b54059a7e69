/** The operator's commands for auditors: an export that can be checked, the trial balance, seals. */
import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { UsageError } from "../../../src/admin/command.ts"
import { readJournal } from "../../books/hledger.ts"
import { openTestApp, type TestApp } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

const DAY_MS = 86_400_000

/** A customer with ten dollars, given on 2026-01-02. */
async function openLedger(): Promise<{ app: TestApp; pathOf(name: string): string }> {
  const app = await openTestApp()
  await app.createCustomer()
  return { app, pathOf: name => join(app.app.config.data_dir, name) }
}

describe("ledger export", () => {
  test.each(["jsonl", "csv", "hledger"])(
    "writes all of it as %s into a file that only the owner reads",
    async format => {
      const { app, pathOf } = await openLedger()
      await using _ = app
      const file = pathOf("ledger.out")
      const output = await runForRecord(app, "ledger export", "--format", format, "--to", file)
      expect(output).toEqual({ file, format, transfers: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const text = readFileSync(file, "utf8")
      expect(text).toContain(`${output.hash}`)
      expect(text).toContain("system/issue_admin".replace("/", format === "hledger" ? ":" : "/"))
      if (format === "hledger") expect(readJournal(text).assertion_count).toBe(2)
    },
  )

  test("can be checked with nothing but SHA-256", async () => {
    const { app, pathOf } = await openLedger()
    await using _ = app
    const file = pathOf("ledger.jsonl")
    const { hash } = await runForRecord(app, "ledger export", "--format", "jsonl", "--to", file)
    const chained = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map(line => line.replace(/,"hash":"[0-9a-f]{64}"\}$/, "}"))
      .reduce(
        (before, line) =>
          createHash("sha256")
            .update(before + line)
            .digest("hex"),
        "0".repeat(64),
      )
    expect(chained).toBe(hash as string)
  })

  test("takes whole UTC days, both included", async () => {
    const { app, pathOf } = await openLedger()
    await using _ = app
    const countOf = async (...days: string[]) => {
      const words = ["--format", "csv", "--to", pathOf(days.join(""))]
      return (await runForRecord(app, "ledger export", ...words, ...days)).transfers
    }
    expect(await countOf("--since", "2026-01-02", "--until", "2026-01-02")).toBe(1)
    expect(await countOf("--since", "2026-01-03")).toBe(0)
    expect(await countOf("--until", "2026-01-01")).toBe(0)
  })

  test.each([
    ["a format nobody knows", ["--format", "xml"]],
    ["a day that is none", ["--since", "2026-02-30"]],
    ["a time instead of a day", ["--until", "2026-01-01T00:00:00Z"]],
  ])("refuses %s and writes no file", async (_name, options) => {
    const { app, pathOf } = await openLedger()
    await using _ = app
    const file = pathOf("ledger.out")
    const words = ["--to", file, ...(options.includes("--format") ? [] : ["--format", "csv"]), ...options]
    await expect(runCommand(app, "ledger export", ...words)).rejects.toThrow(UsageError)
    expect(existsSync(file)).toBe(false)
  })

  test("never writes over a file, and says so of a folder that is not there", async () => {
    const { app, pathOf } = await openLedger()
    await using _ = app
    writeFileSync(pathOf("kept"), "mine")
    for (const [name, code] of [
      ["kept", "EEXIST"],
      ["gone/ledger", "ENOENT"],
    ] as const) {
      const words = ["--format", "csv", "--to", pathOf(name)]
      await expect(runCommand(app, "ledger export", ...words)).rejects.toThrow(code)
    }
    expect(readFileSync(pathOf("kept"), "utf8")).toBe("mine")
  })
})

test("ledger trial-balance shows each account, and adds up to zero", async () => {
  const { app } = await openLedger()
  await using _ = app
  expect(await runCommand(app, "ledger trial-balance")).toEqual([
    { ledger: "token", account: "customers/token", givenUsd: "0.00", takenUsd: "10.00", balanceUsd: "10.00" },
    {
      ledger: "token",
      account: "system/issue_admin",
      givenUsd: "10.00",
      takenUsd: "0.00",
      balanceUsd: "-10.00",
    },
  ])
})

test("ledger seal closes finished days, ledger seals shows them, newest first", async () => {
  const { app } = await openLedger()
  await using _ = app
  app.clock.advance(3 * DAY_MS)
  const sealed = await runCommand(app, "ledger seal")
  const sealedAt = expect.stringMatching(/^2026-01-05T/)
  const hash = expect.stringMatching(/^[0-9a-f]{64}$/)
  expect(sealed).toEqual([
    { day: "2026-01-02", transfers: 1, hash, sealedAt },
    { day: "2026-01-03", transfers: 0, hash, sealedAt },
    { day: "2026-01-04", transfers: 0, hash, sealedAt },
  ])
  expect(await runCommand(app, "ledger seal")).toEqual([])
  expect(await runCommand(app, "ledger seals", "--limit", "1")).toEqual([(sealed as object[])[2] as never])
})
