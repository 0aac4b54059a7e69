/** Runs a property over generated values and says how to run the same ones again; generates nothing. */
import fc from "fast-check"

const DEFAULT_RUNS = 300

/** FC_RUNS: how many values each property gets. FC_SEED: which ones. */
export function propertySettings(): { numRuns: number; seed?: number } {
  const numRuns = Number(Bun.env.FC_RUNS ?? DEFAULT_RUNS)
  return Bun.env.FC_SEED === undefined ? { numRuns } : { numRuns, seed: Number(Bun.env.FC_SEED) }
}

/**
 * Checks `law` for generated values; `file` is the test's `import.meta.path`. Throws with the command to
 * repeat.
 */
export function checkProperty<T>(file: string, values: fc.Arbitrary<T>, law: (value: T) => void): void {
  report(file, fc.check(fc.property(values, law), propertySettings()))
}

/** The same for a law that has to wait; a tenth of the runs, because such laws are slow. */
export async function checkPropertyAsync<T>(
  file: string,
  values: fc.Arbitrary<T>,
  law: (value: T) => Promise<void>,
): Promise<void> {
  const settings = propertySettings()
  const numRuns = Math.ceil(settings.numRuns / 10)
  report(file, await fc.check(fc.asyncProperty(values, law), { ...settings, numRuns }))
}

function report<T>(file: string, details: fc.RunDetails<T>): void {
  if (!details.failed) return
  const path = file.slice(file.indexOf("/test/") + 1)
  const command = `reproduce: FC_SEED=${details.seed} bun test ${path}`
  throw new Error(`${command}\n${fc.defaultReportMessage(details)}`)
}
