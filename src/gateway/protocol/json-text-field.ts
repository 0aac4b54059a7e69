/** Decodes the one string of a JSON object while its pieces arrive; any split gives the same text. */
import { parseObject } from "./json.ts"

/** The text of the member as it becomes known. */
export interface TextField {
  /** What this piece adds to the text. */
  push(piece: string): string
  /** What is left when the object is over; `is_cut`: it was never meant to end here. */
  end(is_cut: boolean): string
}

/**
 * Reads `{"<name>": "…"}`. What a model wrote instead is given whole and verbatim at the end; an object that has the
 * member behind others gives its text at the end. Members behind it are no part of the text. Nothing is sent twice or
 * taken back.
 */
export function startTextField(name: string): TextField {
  const opening = `{${JSON.stringify(name)}:"`
  let mode: "opening" | "inside" | "closed" | "other" = "opening"
  let matched = 0
  /** Everything so far while `opening` or `other`; what follows the closing quote when `closed`. */
  let pieces: string[] = []
  const decoder = startDecoding()

  function open(piece: string): string {
    for (let at = 0; at < piece.length; at++) {
      if (piece[at] === opening[matched]) matched += 1
      else if (!(isSpace(piece[at]!) && mayStandSpace(opening, matched))) {
        mode = "other"
        return ""
      }
      if (matched < opening.length) continue
      mode = "inside"
      pieces = []
      return inside(piece.slice(at + 1))
    }
    return ""
  }

  function inside(piece: string): string {
    const { text, rest } = decoder.push(piece)
    if (rest === undefined) return text
    mode = "closed"
    pieces.push(rest)
    return text
  }

  return {
    push(piece) {
      if (mode === "inside") return inside(piece)
      pieces.push(piece)
      return mode === "opening" ? open(piece) : ""
    },
    end(is_cut) {
      if (mode === "inside") return decoder.end(is_cut)
      const written = pieces.join("")
      if (mode === "closed") return is_cut ? "" : unquotedRest(written)
      return is_cut && mode === "opening" ? "" : wholeText(written, name)
    },
  }
}

/** JSON's own white space; a key's and a string's is text. */
const isSpace = (char: string): boolean => char === " " || char === "\n" || char === "\r" || char === "\t"

const mayStandSpace = (opening: string, matched: number): boolean =>
  matched < 2 || matched >= opening.length - 2

/** A quote that the model forgot to escape did not end the text: then what follows belongs to it. */
function unquotedRest(rest: string): string {
  const trimmed = rest.trim()
  if (trimmed === "" || trimmed === "}" || parseObject(`{"":""${rest}`) !== undefined) return ""
  return `"${rest}`
}

/** Readers complete a call without arguments to `{}`: that is no text. */
function wholeText(written: string, name: string): string {
  const parsed = parseObject(written)
  if (parsed === undefined) return written
  const text = parsed[name]
  if (typeof text === "string") return text
  return Object.keys(parsed).length === 0 ? "" : written
}

interface Decoder {
  /** The decoded text, and what follows the closing quote once it has come. */
  push(piece: string): { text: string; rest: string | undefined }
  /** What waited; half an escape is text only where nothing was cut off. */
  end(is_cut: boolean): string
}

const SIMPLE: { [letter: string]: string } = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
}

/** Decodes the inside of a JSON string. An unfinished escape and half a surrogate pair wait for the next piece. */
function startDecoding(): Decoder {
  let waiting = ""
  let half = ""

  /** A client's JSON parser may refuse half a pair, so both halves go out in one piece. */
  function whole(text: string): string {
    const joined = half + text
    half = isHighSurrogate(joined.charCodeAt(joined.length - 1)) ? joined.slice(-1) : ""
    return half === "" ? joined : joined.slice(0, -1)
  }

  return {
    push(piece) {
      const source = waiting + piece
      waiting = ""
      let text = ""
      let from = 0
      for (let at = nextSpecial(source, 0); at !== -1; at = nextSpecial(source, from)) {
        text += source.slice(from, at)
        if (source[at] === '"') return { text: whole(text) + half, rest: source.slice(at + 1) }
        const escaped = readEscape(source, at)
        if (escaped === undefined) {
          waiting = source.slice(at)
          return { text: whole(text), rest: undefined }
        }
        text += escaped.text
        from = escaped.end
      }
      return { text: whole(text + source.slice(from)), rest: undefined }
    },
    end: is_cut => (is_cut ? half : half + waiting),
  }
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

function nextSpecial(source: string, from: number): number {
  for (let at = from; at < source.length; at++) {
    const code = source.charCodeAt(at)
    if (code === 34 || code === 92) return at
  }
  return -1
}

/** The escape at `at`; undefined while it is not complete. What is no escape stands for itself: nothing is lost. */
function readEscape(source: string, at: number): { text: string; end: number } | undefined {
  const kind = source[at + 1]
  if (kind === undefined) return undefined
  if (kind !== "u") return { text: SIMPLE[kind] ?? `\\${kind}`, end: at + 2 }
  const digits = /^[0-9a-fA-F]{0,4}/.exec(source.slice(at + 2, at + 6))![0]
  if (digits.length === 4) return { text: String.fromCharCode(Number.parseInt(digits, 16)), end: at + 6 }
  if (at + 2 + digits.length === source.length) return undefined
  return { text: `\\u${digits}`, end: at + 2 + digits.length }
}
