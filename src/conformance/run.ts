/** Runs cases against a server: finds out what it is, runs four at a time, billing alone, each within its time. */
import { hasBooks } from "./books.ts"
import { type Case, DOORS, type Door, type Group } from "./case.ts"
import { Finding, fail } from "./finding.ts"
import { createProbe, listAt, objectOf, type Probe, type Target, textAt } from "./probe.ts"

export interface Result {
  id: string
  group: Group
  title: string
  result: "pass" | "FAIL" | "n/a"
  ms: number
  /** What was expected and what came; why it does not apply; empty when it passed. */
  finding: string
}

export interface RunOptions {
  base_url: string
  key: string
  /** The first that the server lists unless told. */
  model?: string | undefined
  /** How long one case may take. 60 s unless told. */
  case_ms?: number
}

/** A server that was looked at, and what it is. */
export interface Subject {
  target: Target
  /** Protocols that another vendor's server does not have. */
  missing_doors: Set<Door>
  case_ms: number
}

const CASE_MS = 60_000
const CONCURRENCY = 4

/** Looks at the server. Throws a `Finding` when it cannot be reached, refuses the key or lists no model. */
export async function openSubject({ base_url, key, model, case_ms = CASE_MS }: RunOptions): Promise<Subject> {
  const root = base_url.replace(/\/+$/, "").replace(/\/v1$/, "")
  const target: Target = { base_url: root, key, model: model ?? "", is_ours: false, call_count: 0 }
  const probe = createProbe(target, AbortSignal.timeout(case_ms))
  target.is_ours = await hasBooks(probe)
  target.model ||= await findModel(probe)
  const missing_doors = new Set(target.is_ours ? [] : await findMissingDoors(probe))
  return { target, missing_doors, case_ms }
}

async function findModel(probe: Probe): Promise<string> {
  const answer = await probe.ask("/v1/models")
  if (answer.status !== 200)
    return fail(`GET /v1/models answers ${answer.status}: ${answer.text.slice(0, 200)}`)
  const [first] = listAt(objectOf(answer), "data")
  return textAt(first, "id") || fail("GET /v1/models lists no model: name one with --model")
}

/** An empty object costs nothing: it is refused, unless there is nobody to refuse it. */
async function findMissingDoors(probe: Probe): Promise<Door[]> {
  const statuses = await Promise.all(DOORS.map(async door => (await probe.ask(door, { body: {} })).status))
  return DOORS.filter((_, index) => [404, 405, 501].includes(statuses[index]!))
}

/** Runs the cases; results come in their order, `onResult` hears of each as it ends. */
export async function runCases(
  subject: Subject,
  cases: readonly Case[],
  onResult: (result: Result) => void = () => {},
): Promise<Result[]> {
  const results = new Map<Case, Result>()
  async function work(queue: Case[]): Promise<void> {
    for (let one = queue.shift(); one; one = queue.shift()) {
      const result = await runCase(subject, one)
      results.set(one, result)
      onResult(result)
    }
  }
  // What a case of billing sees in the balance must be its own doing.
  const shared = cases.filter(one => one.group !== "billing")
  await Promise.all(Array.from({ length: CONCURRENCY }, () => work(shared)))
  await work(cases.filter(one => one.group === "billing"))
  return cases.map(one => results.get(one)!)
}

async function runCase(subject: Subject, one: Case): Promise<Result> {
  const { id, group, title } = one
  const started = performance.now()
  const ended = (result: Result["result"], finding: string): Result => {
    return { id, group, title, result, ms: Math.round(performance.now() - started), finding }
  }
  const why = reasonToSkip(subject, one)
  if (why !== undefined) return ended("n/a", why)
  try {
    await one.run(createProbe(subject.target, AbortSignal.timeout(subject.case_ms)))
    return ended("pass", "")
  } catch (error) {
    // A finding is what a case is for. Anything else is a bug of the case, and no pass.
    if (error instanceof Finding) return ended(error.result, error.message)
    return ended("FAIL", `the case itself broke: ${error instanceof Error ? error.message : error}`)
  }
}

function reasonToSkip({ target, missing_doors }: Subject, one: Case): string | undefined {
  if (target.is_ours) return undefined
  if (one.door && missing_doors.has(one.door)) return `the server has no ${one.door}`
  if (one.group === "billing") return "the server shows no wallet and no receipts"
  return one.is_ours_only ? "a promise of CodexAPI that other servers need not make" : undefined
}
