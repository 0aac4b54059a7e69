/** The legacy completions protocol as the gateway uses it: clients only, made of this folder's functions. */
import type { ClientCodec } from "../codec.ts"
import type { JsonObject } from "../json.ts"
import { writeError } from "../openai-errors.ts"
import { collectCompletion } from "./collect.ts"
import { readRequest } from "./read-request.ts"
import { startValidator } from "./validate-events.ts"
import { startWriter } from "./write-events.ts"

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
  startWriting: startWriter,
  collect: (start, events) => collectCompletion(start, events) as unknown as JsonObject,
  writeError,
  startValidating: startValidator,
}
