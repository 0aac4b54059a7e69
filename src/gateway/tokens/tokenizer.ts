/** Counts the tokens of a text: with OpenAI's own vocabulary where it is the model's, else by an estimate that errs high. */

/** How many tokens a text has. */
export type CountText = (text: string) => Promise<number>

/**
 * Bytes of UTF-8 a token, for vocabularies that are not public. Claude's and DeepSeek's take 3.3 to 4.5 on English
 * and code and 3 and more on other scripts; the holds of the gateway reckon with the same.
 */
const BYTES_PER_TOKEN = 3

export const estimateText: CountText = async text => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)

/** Counted exactly up to here; beyond, by the ratio of what was counted: four times any model's context. */
const LONGEST_COUNTED = 4 * 1024 * 1024

/** A piece without spaces costs the square of its length: longer ones are cut. */
const PIECE_CHARS = 2_000
/** Counted between two turns of the event loop. */
const TURN_CHARS = 64 * 1024

/** With the vocabulary o200k of GPT-4o and everything since. It is loaded by the first who asks: it takes 0.3 s. */
export const countO200k: CountText = async text => {
  const { countTokens } = await import("gpt-tokenizer/encoding/o200k_base")
  const until = Math.min(text.length, LONGEST_COUNTED)
  let tokens = 0
  let turn_from = 0
  for (let from = 0; from < until; ) {
    const piece = nextPiece(text, from, until)
    // Words that control a model are plain text in a request.
    tokens += countTokens(piece, { disallowedSpecial: NONE })
    from += piece.length
    if (from - turn_from < TURN_CHARS) continue
    turn_from = from
    await new Promise<void>(resolve => setImmediate(resolve))
  }
  const rest = text.length - until
  return rest === 0 ? tokens : tokens + Math.ceil(rest * (tokens / until))
}

const NONE = new Set<string>()

/** Ends before a space when there is one: words carry their space in front. */
function nextPiece(text: string, from: number, until: number): string {
  if (until - from <= PIECE_CHARS) return text.slice(from, until)
  const piece = text.slice(from, from + PIECE_CHARS)
  const space = Math.max(piece.lastIndexOf(" "), piece.lastIndexOf("\n"))
  return space > 0 ? piece.slice(0, space) : piece
}

/** OpenAI's models since GPT-4o; the vocabularies of all others are not public, or not worth their megabytes. */
const O200K = /^(?:openai\/)?(?:gpt-(?:4o|4\.1|4\.5|[5-9]|oss)|o\d|chatgpt-4o|codex)/

/** The way to count for a model; any name is known. */
export const counterFor = (model: string): CountText => (O200K.test(model) ? countO200k : estimateText)
