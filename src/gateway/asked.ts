/** A request body on its way in: text, JSON, and what of it must be right before any money is held. */
import { AppError } from "../platform/errors.ts"
import type { Door } from "./door.ts"
import { type Admitted, admitRequest } from "./protocol/admission.ts"
import type { Refusal } from "./protocol/codec.ts"
import { CLIENTS } from "./protocol/codecs.ts"
import { parseExactly } from "./protocol/exact-json.ts"
import type { JsonObject } from "./protocol/json.ts"
import { findAmbiguousKey, type Member, scanTopLevel } from "./protocol/top-level.ts"

/** A request that may be metered. */
export interface Asked {
  /** The body as the client sent it, or as our own store completed it. */
  text: string
  members: Member[]
  body: JsonObject
  admitted: Admitted
}

/** Checks a body of the door's protocol. Throws `invalid` naming the field in the client's words. */
export function readAsked(door: Door, text: string, parsed: unknown): Asked {
  const codec = CLIENTS[door.protocol]
  const members = scanTopLevel(text)
  assertShallow(members)
  const admission = admitRequest(codec, parsed, Buffer.byteLength(text))
  if (!admission.ok) throw malformed(admission)
  const ambiguous = findAmbiguousKey(members, codec.guarded_keys)
  if (ambiguous !== undefined) {
    const message = `${JSON.stringify(ambiguous)} can be read in two ways: send each field once, in lower case.`
    throw new AppError("invalid", message, { field: ambiguous })
  }
  return { text, members, body: parsed as JsonObject, admitted: admission.admitted }
}

/** As deep as any schema of a tool has reason to be; what reads a body goes down with it. */
const DEEPEST = 64

/** Throws `invalid` for a body that is nested too deeply. */
export function assertShallow(members: readonly Member[]): void {
  const deep = members.find(({ depth }) => depth > DEEPEST)
  if (!deep) return
  throw new AppError("invalid", `${deep.key} is nested more than ${DEEPEST} levels deep.`, {
    code: "nested_too_deeply",
    field: deep.key,
  })
}

/** A refusal as the client gets it: a message that does not begin with its field is led by it. */
export function malformed({ field, message, code = "invalid_request" }: Refusal): AppError {
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`
  return new AppError("invalid", isNamed(field, message) ? sentence : `${field}: ${sentence}`, {
    code,
    field,
  })
}

/** Whether the field stands in the message as a word of its own: `n` is in every second word. */
function isNamed(field: string, message: string): boolean {
  for (let at = message.indexOf(field); at !== -1; at = message.indexOf(field, at + 1)) {
    const around = (message[at - 1] ?? " ") + (message[at + field.length] ?? " ")
    if (!/[\w\]]/.test(around)) return true
  }
  return false
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The body as text; what is not UTF-8 could not be passed on byte for byte. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    // The decoder says only that it failed.
    throw new AppError("invalid", "The request body is not valid UTF-8.", {
      code: "invalid_utf8",
      field: "body",
    })
  }
}

/** The JSON of a request; `parseExactly` keeps the digits of Messages' tool inputs, which are no text there. */
export function parseJson(text: string): unknown {
  try {
    return parseExactly(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : "unreadable"
    throw new AppError("invalid", `The request body is not valid JSON: ${why}`, {
      code: "invalid_json",
      field: "body",
    })
  }
}
