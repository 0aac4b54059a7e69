/** How many tokens a request would have as input: counted for free, held for by nobody. */
import type { Caller } from "../../auth/keys.ts"
import { AppError } from "../../platform/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import { expandInput } from "../stored/expand.ts"
import type { StoredNeeds } from "../stored/needs.ts"
import { type Measured, measure, measureTools } from "./measure.ts"
import { counterFor } from "./tokenizer.ts"

/** Every answer begins with a frame of its own. */
const TOKENS_PER_ANSWER = 3

type CountNeeds = Pick<StoredNeeds, "cache" | "clock" | "config" | "vault">

interface Asked {
  caller: Pick<Caller, "customer_id">
  body: JsonObject
}

/** Of a Responses request, with the conversation that it continues. Throws `invalid` naming the field. */
export async function countResponseTokens(needs: CountNeeds, { caller, body }: Asked) {
  const { body: expanded } = await expandInput(needs, { caller, body })
  const { instructions, text } = expanded
  const measured = measure([expanded.input, instructions, text])
  return {
    object: "response.input_tokens",
    input_tokens: await countMeasured(nameOf(body), measureTools(measured, expanded.tools)),
  }
}

/** Of a Messages request (claude-code-wire: `count_tokens` must answer 200 for every model). */
export async function countMessageTokens({ body }: Pick<Asked, "body">) {
  if (!Array.isArray(body.messages)) throw invalid("messages", "messages must be a list.")
  const measured = measure([body.messages, body.system])
  return { input_tokens: await countMeasured(nameOf(body), measureTools(measured, body.tools)) }
}

async function countMeasured(model: string, { texts, fixed_tokens }: Measured): Promise<number> {
  const counted = await counterFor(model)(texts.join("\n"))
  return counted + fixed_tokens + TOKENS_PER_ANSWER
}

/** Without a model the newest vocabulary of OpenAI counts. */
function nameOf({ model }: JsonObject): string {
  if (model == null) return "gpt-5"
  if (typeof model === "string" && model !== "") return model
  throw invalid("model", "model must be the name of a model.")
}

const invalid = (field: string, message: string) =>
  new AppError("invalid", message, { field, code: "invalid_type" })
