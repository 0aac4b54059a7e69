/** The operator's command line in one process: words in, output out, the same way main.ts does it. */
import { type Output, readValues } from "../../src/admin/command.ts"
import { COMMANDS } from "../../src/admin/command-list.ts"
import type { TestApp } from "./app.ts"

/** Runs `codexapi admin <name> <options>`. Throws what the command throws. */
export async function runCommand({ app }: TestApp, name: string, ...options: string[]): Promise<Output> {
  const command = COMMANDS.find(one => one.name === name)
  if (!command) throw new Error(`there is no command ${name}`)
  return command.run(app, readValues(command, options))
}

/** The same for a command that gives one record. */
export async function runForRecord(
  test_app: TestApp,
  name: string,
  ...options: string[]
): Promise<Record<string, unknown>> {
  const output = await runCommand(test_app, name, ...options)
  if (Array.isArray(output)) throw new Error(`${name} gave a list`)
  return output
}
