/** The operator's commands for comparing books: what is shown, a day done by hand, and words that do not fit. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { openTestApp } from "../../support/app.ts"
import { runCommand } from "../../support/operator.ts"
import { openStage } from "../../wallet/reconcile/stage.ts"

const DAY = ["--day", "2026-01-02"]

describe("reconcile run", () => {
  test("compares a finished day, lists what differs, and finds it settled when it is done again", async () => {
    await using stage = await openStage()
    const { intent, purchase_id } = await stage.pay({ is_credited: false })
    stage.clock.advance(86_400_000)
    const row = { day: "2026-01-02", source: "stripe", comparedCount: 1, theirsUsd: "10.00" }
    expect(await runCommand(stage, "reconcile run", ...DAY)).toEqual([
      { ...row, oursUsd: "0.00", differenceCount: 1 },
    ])
    expect(await runCommand(stage, "reconcile list")).toEqual([
      {
        day: "2026-01-02",
        source: "stripe",
        ref: intent,
        oursUsd: null,
        theirsUsd: "10.00",
        finding: `the payment ${intent} is not in our books: its purchase ${purchase_id} is open`,
        foundAt: "2026-01-03T03:04:05.001Z",
      },
    ])
    expect(await stage.app.metrics.registry.metrics()).toContain('differences{source="stripe"} 1')
    await stage.deliver()
    expect(await runCommand(stage, "reconcile run", ...DAY, "--source", "stripe")).toEqual([
      { ...row, oursUsd: "10.00", differenceCount: 0 },
    ])
    expect(await runCommand(stage, "reconcile list", "--source", "stripe")).toEqual([])
    expect(await runCommand(stage, "reconcile days")).toEqual([
      { ...row, oursUsd: "10.00", differenceCount: 0, comparedAt: "2026-01-03T03:04:05.001Z" },
      {
        ...row,
        source: "stripe-fees",
        oursUsd: "0.00",
        theirsUsd: "0.59",
        differenceCount: 0,
        comparedAt: "2026-01-03T03:04:05.001Z",
      },
    ])
    expect(await runCommand(stage, "reconcile days", "--source", "upstream:openai")).toEqual([])
    expect(await runCommand(stage, "reconcile days", "--limit", "1")).toHaveLength(1)
  })

  test("tells in words that Stripe cannot be read", async () => {
    await using stage = await openStage({ env: { STRIPE_SECRET_KEY: "sk_test_another_0123456789" } })
    stage.clock.advance(86_400_000)
    await expect(runCommand(stage, "reconcile run", ...DAY)).rejects.toMatchObject({
      reason: "upstream",
      message: expect.stringMatching(/^Stripe's balance could not be read: Invalid API Key/),
    })
  })

  test.each([
    [["--day", "2026-02-30"], "--day must be a day such as 2026-01-31, not 2026-02-30"],
    [["--day", "2026-01-03"], "2026-01-03 is not over (days are UTC)"],
    [["--day", "2026-01-02", "--source", "paypal"], "there is nothing to compare with; sources are: stripe"],
    [[], "missing: --day"],
  ])("%p is refused", async (words, message) => {
    await using stage = await openStage()
    stage.clock.advance(86_400_000)
    const refused = await runCommand(stage, "reconcile run", ...words).catch(error => error)
    expect(refused).toBeInstanceOf(UsageError)
    expect(refused.message).toStartWith(message)
  })

  test("without any source says what to set", async () => {
    await using app = await openTestApp({ env: { CODEXAPI_PAYMENTS: "off" } })
    app.clock.advance(86_400_000)
    await expect(runCommand(app, "reconcile run", ...DAY)).rejects.toThrow(
      /set STRIPE_SECRET_KEY or an admin key/,
    )
  })
})
