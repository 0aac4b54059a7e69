/** Every command of `codexapi admin`, in the order in which help shows them. */
import type { Command } from "./command.ts"
import { catalogCommands } from "./commands/catalog.ts"
import { customerCommands } from "./commands/customers.ts"
import { operationCommands } from "./commands/operation.ts"
import { usageCommands } from "./commands/usage.ts"

export const COMMANDS: readonly Command[] = [
  ...customerCommands,
  ...catalogCommands,
  ...usageCommands,
  ...operationCommands,
]
