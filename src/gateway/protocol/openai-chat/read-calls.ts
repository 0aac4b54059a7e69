/** Reads the tool calls of Chat deltas, interleaved or incomplete as they come, into blocks; texts are read-texts'. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, parseObject, present, stringOf } from "../json.ts"
import { restOfArguments } from "../partial-arguments.ts"
import type { Call, Draft, Reading } from "./reading.ts"
import { closeSaid, leaveLine, nextKey, sayInLine } from "./reading.ts"

/** A piece of a call, read without trust. */
interface Piece {
  place: number | undefined
  id: string | undefined
  tool: "function" | "custom"
  name: string
  text: string
}

/** The call pieces of one delta. */
export function readCalls(draft: Draft, list: readonly unknown[]): void {
  for (const raw of list) if (isJsonObject(raw)) readPiece(draft, pieceOf(raw))
}

/** The legacy `function_call`: one call without index and id. */
export function readLegacyCall(draft: Draft, raw: JsonObject): void {
  readPiece(draft, { ...pieceOf({ function: raw }), place: -1 })
}

function pieceOf(raw: JsonObject): Piece {
  const is_custom = raw.type === "custom" || isJsonObject(raw.custom)
  const body = is_custom ? raw.custom : raw.function
  const { name, arguments: whole, input } = isJsonObject(body) ? body : {}
  const text = is_custom ? input : whole
  return {
    place: typeof raw.index === "number" ? raw.index : undefined,
    id: stringOf(raw.id) || undefined,
    tool: is_custom ? "custom" : "function",
    name: stringOf(name) ?? "",
    // Some upstreams send an object where text is due.
    text: isJsonObject(text) ? JSON.stringify(text) : (stringOf(text) ?? ""),
  }
}

function readPiece(draft: Draft, piece: Piece): void {
  const known = findCall(draft.state, piece)
  const call = known ?? addCall(draft, piece)
  if (call.is_closed) return
  const name = call.is_started ? call.name : joinName(call.name, piece.name)
  const next = { ...call, name, id: call.id ?? piece.id, sent: call.sent + piece.text }
  if (call.is_started && piece.text !== "") {
    sayInLine(draft, call.key, [{ type: "tool-call-delta", text: piece.text }])
  }
  keep(draft, next)
  // A name may come in pieces: it is whole when the arguments begin.
  if (!next.is_started && next.name !== "" && next.sent !== "") startCall(draft, next)
}

/** The call that a piece belongs to; `undefined` when it begins a new one. */
function findCall({ calls }: Reading, piece: Piece): Call | undefined {
  const last = calls.at(-1)
  if (piece.place === undefined) {
    const named = piece.id === undefined ? undefined : calls.findLast(call => call.id === piece.id)
    if (named !== undefined) return named
    return beginsAnother(last, piece) ? undefined : last
  }
  const there = calls.findLast(call => call.place === piece.place)
  const has_other_id = piece.id !== undefined && there?.id !== undefined && piece.id !== there.id
  // Every call at index 0, told apart by id (Gemini's compatible endpoint); others change the id of one call.
  return has_other_id && beginsAnother(there, piece) ? undefined : there
}

/** A named piece after a call that has said all it can say. */
function beginsAnother(call: Call | undefined, piece: Piece): boolean {
  return call === undefined || (piece.name !== "" && (call.sent === "" || isWhole(call.sent)))
}

function addCall(draft: Draft, { place, id, tool }: Piece): Call {
  closeSaid(draft)
  settleCalls(draft)
  const state = { name: "", sent: "", is_started: false, is_closed: false }
  const call: Call = { key: nextKey(draft), place, id, tool, ...state }
  draft.state.calls = [...draft.state.calls, call]
  return call
}

function keep(draft: Draft, call: Call): void {
  const { calls } = draft.state
  const index = calls.findIndex(each => each.key === call.key)
  draft.state.calls = calls.with(index, call)
}

/** A name in pieces, repeated, or repeated longer. */
function joinName(name: string, piece: string): string {
  return piece.startsWith(name) ? piece : name.startsWith(piece) ? name : name + piece
}

function startCall(draft: Draft, call: Call): Call {
  const { state } = draft
  const has_twin = state.calls.some(
    other => other.key !== call.key && other.is_started && other.id === call.id,
  )
  // Results are told apart by the id: it must be there, and be unique in the conversation.
  const made = `call_${state.id ?? "unnamed"}_${call.key}`
  const call_id = call.id === undefined || has_twin ? made : call.id
  const start = { type: "tool-call-start" as const, tool: call.tool, call_id, name: call.name }
  sayInLine(
    draft,
    call.key,
    call.sent === "" ? [start] : [start, { type: "tool-call-delta", text: call.sent }],
  )
  const started = { ...call, is_started: true }
  keep(draft, started)
  return started
}

/** Before another block begins: calls take their place in line, and the complete ones end, so that nothing waits. */
export function settleCalls(draft: Draft): void {
  for (const call of draft.state.calls) {
    if (call.is_closed || call.name === "") continue
    const started = call.is_started ? call : startCall(draft, call)
    if (call.tool === "function" && isWhole(call.sent)) closeCall(draft, started, false)
  }
}

/** The end of the answer ends all calls; one that nobody ever named cannot be made. */
export function closeCalls(draft: Draft, is_cut: boolean): void {
  for (const call of draft.state.calls) {
    if (call.is_closed || call.name === "") continue
    const started = call.is_started ? call : startCall(draft, call)
    closeCall(draft, started, is_cut && !isWhole(call.sent))
  }
}

/** A cut call keeps exactly what arrived: `{}` would make it a call without arguments. */
function closeCall(draft: Draft, call: Call, is_cut: boolean): void {
  const rest = is_cut ? "" : restOfArguments(call.tool, call.sent, undefined)
  if (rest !== "") sayInLine(draft, call.key, [{ type: "tool-call-delta", text: rest }])
  const end = present({ type: "tool-call-end" as const, is_cut: is_cut ? (true as const) : undefined })
  sayInLine(draft, call.key, [end])
  leaveLine(draft, call.key)
  keep(draft, { ...call, is_closed: true })
}

/** Whether arguments are a complete object: nothing but space can follow. */
function isWhole(text: string): boolean {
  return text.trimEnd().endsWith("}") && parseObject(text) !== undefined
}
