/** Every case, in the order they are shown. */
import { type Case, GROUPS, type Group } from "./case.ts"
import { AUTH_CASES } from "./cases/auth.ts"
import { BILLING_CASES } from "./cases/billing.ts"
import { CHAT_CASES } from "./cases/chat.ts"
import { COMPLETION_CASES } from "./cases/completions.ts"
import { ERROR_CASES } from "./cases/errors.ts"
import { MESSAGE_CASES } from "./cases/messages.ts"
import { MODEL_CASES } from "./cases/models.ts"
import { RESPONSE_CASES } from "./cases/responses.ts"
import { STORED_CHAT_CASES } from "./cases/stored-chat.ts"
import { STORED_RESPONSE_CASES } from "./cases/stored-responses.ts"

const CASES: readonly Case[] = [
  ...AUTH_CASES,
  ...MODEL_CASES,
  ...RESPONSE_CASES,
  ...STORED_RESPONSE_CASES,
  ...CHAT_CASES,
  ...STORED_CHAT_CASES,
  ...COMPLETION_CASES,
  ...MESSAGE_CASES,
  ...ERROR_CASES,
  ...BILLING_CASES,
]

/** The cases of some groups; of all when none is named. */
export function selectCases(groups: readonly Group[] = GROUPS): Case[] {
  return CASES.filter(one => groups.includes(one.group))
}

/** How many calls reach a model and may cost money; the answers of most are limited to 64 tokens. */
export function countModelCalls(cases: readonly Case[]): number {
  return cases.reduce((sum, { model_calls = 0 }) => sum + model_calls, 0)
}
