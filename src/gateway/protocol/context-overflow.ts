/** Recognises that a prompt did not fit the model, in the words of every vendor; each client has its own for it. */
import { AppError } from "../../platform/errors.ts"

/**
 * OpenAI and vLLM ("maximum context length is 8192 tokens. However, … 9000 tokens"), Anthropic ("prompt is too long:
 * 9000 tokens > 8192 maximum"), llama.cpp ("exceeds the available context size"). Not Anthropic's "input length and
 * `max_tokens` exceed": Claude Code repeats that with a smaller limit by itself (claude-code-wire 7).
 */
const WORDS =
  /prompt is too long|(?:exceeds?|over) (?:the |this model's )?(?:maximum |available )?context|maximum context length/i

const TOKENS_FIRST = /([\d,]+) tokens? > ([\d,]+)/
const MAXIMUM_FIRST = /maximum context length is ([\d,]+) tokens?\D+([\d,]+)\D*tokens/i

export function isOverflow(code: string | undefined, message: string): boolean {
  return code === "context_length_exceeded" || (WORDS.test(message) && !message.includes("`max_tokens`"))
}

/** The error for the client, with the prompt's size and the model's when the upstream said them. */
export function overflowError(message: string): AppError {
  return new AppError("invalid", message, { code: "context_length_exceeded", extra: countsOf(message) })
}

function countsOf(message: string): Record<string, number> {
  const [, tokens, maximum] = TOKENS_FIRST.exec(message) ?? []
  if (tokens && maximum) return { tokens: numberOf(tokens), maximum: numberOf(maximum) }
  const [, limit, asked] = MAXIMUM_FIRST.exec(message) ?? []
  return limit && asked ? { tokens: numberOf(asked), maximum: numberOf(limit) } : {}
}

const numberOf = (digits: string): number => Number(digits.replaceAll(",", ""))
