/** The kill -9 torture from the command line: TORTURE_KILLS (50); TORTURE_SEED for the same load again. */
import { torture } from "./torture.ts"

const kill_count = Number(Bun.env.TORTURE_KILLS ?? 50)
const seed = Number(Bun.env.TORTURE_SEED ?? Date.now() % 1_000_000)
const started_at = performance.now()
const is_verbose = process.argv.includes("--verbose")
const report = await torture({ kill_count, seed, ...(is_verbose && { note: line => console.log(line) }) })

const open_count = report.open_hold_count + report.open_after_restart_count
const is_clean = report.ledger.ok && report.ledger.exitCode === 0
for (const what of report.lost) console.log(`LOST ${what}`)
for (const what of report.wrong) console.log(`WRONG BALANCE ${what}`)
if (!is_clean) console.log(`LEDGER ${JSON.stringify(report.ledger)}`)
for (const [how, count] of Object.entries(report.ends)) console.log(`  ${how.padEnd(28)} ${count}`)
const seconds = ((performance.now() - started_at) / 1000).toFixed(0)
console.log(
  [
    `${kill_count} kills`,
    `${report.acknowledged_count} acknowledged operations`,
    `${report.lost.length} lost`,
    `${open_count} open holds`,
    `verify-ledger ${is_clean ? "clean" : "NOT CLEAN"}`,
  ].join(", "),
)
const is_good =
  report.lost.length + report.wrong.length + open_count === 0 && is_clean && report.acknowledged_count > 0
console.log(is_good ? `in ${seconds} s` : `in ${seconds} s; again with TORTURE_SEED=${seed} scripts/torture`)
process.exit(is_good ? 0 : 1)
