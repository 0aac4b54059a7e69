/** Structured log lines on standard error: one JSON object each; secrets never get here (see auth/tokens.ts). */

export type LogLevel = "debug" | "info" | "warn" | "error"
export type Log = Record<LogLevel, (message: string, fields?: Record<string, unknown>) => void>

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"]

/** Writes lines of `level` and above to `write`. */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const log = {} as Log
  for (const name of ORDER) {
    log[name] = (message, fields) => {
      if (ORDER.indexOf(name) < ORDER.indexOf(level)) return
      write(`${JSON.stringify({ time: new Date().toISOString(), level: name, message, ...fields })}\n`)
    }
  }
  return log
}

/** What is worth logging of something thrown. */
export function describeError(error: unknown): { error: string; stack?: string } {
  if (!(error instanceof Error)) return { error: String(error) }
  return error.stack ? { error: error.message, stack: error.stack } : { error: error.message }
}
