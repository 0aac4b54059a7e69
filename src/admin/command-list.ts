/** Every command of `codexapi admin`, in the order in which help shows them. */
import type { Command } from "./command.ts"
import { catalogCommands } from "./commands/catalog.ts"
import { customerCommands } from "./commands/customers.ts"
import { ledgerCommands } from "./commands/ledger.ts"
import { noticeCommands } from "./commands/notices.ts"
import { offerCommands } from "./commands/offers.ts"
import { operationCommands } from "./commands/operation.ts"
import { purchaseCommands } from "./commands/purchases.ts"
import { reconcileCommands } from "./commands/reconcile.ts"
import { rewardCommands } from "./commands/rewards.ts"
import { usageCommands } from "./commands/usage.ts"

export const COMMANDS: readonly Command[] = [
  ...customerCommands,
  ...purchaseCommands,
  ...catalogCommands,
  ...usageCommands,
  ...offerCommands,
  ...rewardCommands,
  ...noticeCommands,
  ...reconcileCommands,
  ...ledgerCommands,
  ...operationCommands,
]
