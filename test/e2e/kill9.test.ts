/** A short version of the kill -9 torture; CI runs 50 kills with scripts/torture. */
import { expect, test } from "bun:test"
import { torture } from "../torture/torture.ts"

test("killed three times under load, it loses nothing it acknowledged and holds nothing", async () => {
  const report = await torture({ kill_count: 3, seed: 1 })
  expect(report.acknowledged_count).toBeGreaterThan(10)
  expect([report.lost, report.wrong]).toEqual([[], []])
  expect([report.open_hold_count, report.open_after_restart_count]).toEqual([0, 0])
  expect(report.ledger).toMatchObject({ ok: true, exitCode: 0 })
}, 60_000)
