/** What a run looks like: a table with a line of totals, or JSON. */
import { render } from "../admin/command.ts"
import type { Result } from "./run.ts"

export interface Totals {
  passed: number
  failed: number
  not_applicable: number
}

export function totalsOf(results: readonly Result[]): Totals {
  const count = (result: Result["result"]) => results.filter(one => one.result === result).length
  return { passed: count("pass"), failed: count("FAIL"), not_applicable: count("n/a") }
}

const LONGEST_FINDING = 160

/** Group, case, result, milliseconds and what was found; failures again at the end, in full. */
export function renderReport(results: readonly Result[]): string {
  const rows = results.map(({ group, id, result, ms, finding }) => {
    const [line = ""] = finding.split("\n")
    return { group, case: id, result, ms, finding: line.slice(0, LONGEST_FINDING) }
  })
  const { passed, failed, not_applicable } = totalsOf(results)
  const failures = results
    .filter(one => one.result === "FAIL")
    .map(({ id, title, finding }) => `FAIL ${id}\n     ${title}\n     ${finding}`)
  const summary = `${passed} passed, ${failed} failed, ${not_applicable} not applicable`
  return [render(rows), ...failures, summary].join("\n\n")
}
