/** `codexapi conformance`: reads its words, says what it will ask, runs, and gives what to print. */
import { parseArgs } from "node:util"
import { UsageError } from "../admin/command.ts"
import { GROUPS, type Group } from "./case.ts"
import { Finding } from "./finding.ts"
import { renderReport, totalsOf } from "./report.ts"
import { openSubject, type RunOptions, runCases, type Subject } from "./run.ts"
import { countModelCalls, selectCases } from "./suite.ts"

export const CONFORMANCE_USAGE = `usage: codexapi conformance [--base-url <address>] --key <api key> [--model <name>]
                             [--only ${GROUPS.join("|")}[,…]] [--json]

Runs our protocol and billing cases against a server: this one unless told otherwise. The key may also stand in
CODEXAPI_KEY, where other users of this machine cannot read it. The model is the first that the server lists.
Calls that reach a model cost what the server charges for them. Exit code 1 when a case fails.`

/** What main.ts knows of the surroundings. */
export interface Surroundings {
  /** Where this installation's own server listens. */
  own_url: string
  /** The key of the environment. */
  key: string | undefined
  print(text: string): Promise<void>
}

export interface ConformanceOptions extends RunOptions {
  groups: Group[]
}

/** Reads the words of the command line. Throws UsageError. */
export function readOptions(
  words: string[],
  { own_url, key: own_key }: Omit<Surroundings, "print">,
): ConformanceOptions {
  const values = parseWords(words)
  const base_url = values["base-url"] ?? own_url
  if (!/^https?:\/\//.test(base_url) || !URL.canParse(base_url)) {
    throw new UsageError(`--base-url must be an http or https address, not ${base_url}`)
  }
  const key = values.key ?? own_key
  if (!key) throw new UsageError(`missing: --key, or CODEXAPI_KEY in the environment\n${CONFORMANCE_USAGE}`)
  return { base_url, key, model: values.model, groups: groupsOf(values.only) }
}

function parseWords(words: string[]) {
  const text = { type: "string" as const }
  const options = { "base-url": text, key: text, model: text, only: text }
  try {
    return parseArgs({ args: words, options, strict: true, allowPositionals: false }).values
  } catch (error) {
    // parseArgs names the word that does not fit.
    throw new UsageError(`${error instanceof Error ? error.message : error}\n${CONFORMANCE_USAGE}`)
  }
}

function groupsOf(only: string | undefined): Group[] {
  const names = only?.split(",").map(name => name.trim()) ?? GROUPS
  return names.map(name => {
    const group = GROUPS.find(one => one === name)
    if (!group) throw new UsageError(`--only takes ${GROUPS.join(", ")}; not ${JSON.stringify(name)}`)
    return group
  })
}

/** Runs the suite and prints it; whether no case failed. A server that cannot be asked at all is a failure. */
export async function runConformance(
  { groups, ...options }: ConformanceOptions,
  { print, is_json }: { print: Surroundings["print"]; is_json: boolean },
): Promise<boolean> {
  const cases = selectCases(groups)
  let subject: Subject
  try {
    subject = await openSubject(options)
  } catch (error) {
    if (!(error instanceof Finding)) throw error
    const finding = `${options.base_url} cannot be tested: ${error.message}`
    await print(is_json ? JSON.stringify({ ok: false, finding }) : finding)
    return false
  }
  const { target } = subject
  const model_calls = countModelCalls(cases)
  const plan = { base_url: target.base_url, model: target.model, is_codexapi: target.is_ours, model_calls }
  if (!is_json) await print(planText(plan, cases.length))
  const results = await runCases(subject, cases)
  const totals = totalsOf(results)
  await print(
    is_json
      ? JSON.stringify({ ok: totals.failed === 0, ...plan, ...totals, results })
      : renderReport(results),
  )
  return totals.failed === 0
}

function planText(
  plan: { base_url: string; model: string; is_codexapi: boolean; model_calls: number },
  count: number,
) {
  const kind = plan.is_codexapi ? "CodexAPI: nothing it promises may be missing" : "another vendor's server"
  return `${plan.base_url} (${kind})
${count} cases with ${plan.model}, about ${plan.model_calls} calls that reach the model, most limited to 64 tokens\n`
}
