/** The legacy completions protocol as the gateway uses it: clients only, made of this folder's functions. */
import type { ClientCodec } from "../codec.ts"
import type { JsonObject } from "../json.ts"
import { writeError } from "../openai-responses/errors.ts"
import { collectCompletion } from "./collect.ts"
import { readRequest } from "./read-request.ts"
import { startValidating } from "./validate-events.ts"
import { startWriting } from "./write-events.ts"

export const completionsClient: ClientCodec = {
  readRequest,
  guarded_keys: [
    "model",
    "prompt",
    "stream",
    "max_tokens",
    "n",
    "best_of",
    "echo",
    "logprobs",
    "suffix",
    "stream_options",
  ],
  startWriting,
  collect: (start, events) => collectCompletion(start, events) as unknown as JsonObject,
  writeError,
  startValidating,
}
