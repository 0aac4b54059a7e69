/** Names and ids as every upstream takes them: legal characters, a limit, no two alike; knows no tools. */

/** What OpenAI and Anthropic take for tool names and call ids (codex-cli-wire 10.2, 10.14). */
const LEGAL = /^[a-zA-Z0-9_-]+$/
const HASH_LENGTH = 8

/** Whether an upstream takes this name as it is. */
export const isLegalName = (name: string, limit: number): boolean => name.length <= limit && LEGAL.test(name)

/** What a name is made of. */
export interface NameWish {
  /** The name as one would like it. */
  wish: string
  /** What the name stands for, in full: the same seed gives the same name on every turn. */
  seed: string
  /** At least 10: an alias is a letter, `_` and the hash. */
  limit: number
}

/**
 * The wish itself when it is legal and free, else an alias: its legal beginning and a hash of the seed. The same wishes
 * in the same order give the same names, whatever is asked for later.
 */
export function chooseName({ wish, seed, limit }: NameWish, isTaken: (name: string) => boolean): string {
  if (isLegalName(wish, limit) && !isTaken(wish)) return wish
  const start = wish.slice(0, limit - HASH_LENGTH - 1).replace(/[^a-zA-Z0-9_-]/g, "_")
  let alias = `${start}_${hashOf(seed)}`
  for (let attempt = 1; isTaken(alias); attempt++) alias = `${start}_${hashOf(`${attempt} ${seed}`)}`
  return alias
}

/** FNV-1a over the text's code units, as eight hexadecimal digits: short and stable, not for secrets. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return (hash >>> 0).toString(16).padStart(HASH_LENGTH, "0")
}
