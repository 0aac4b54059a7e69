/** Which mailbox an e-mail address reaches: the same one has many spellings; nothing is looked up. */
import { normaliseEmail } from "./customers.ts"
import type { Vault } from "./vault.ts"

/** The address in its plainest spelling: lower case, without a `+tag`, and without the dots that Gmail ignores. */
export function mailboxOf(email: string): string {
  const address = normaliseEmail(email)
  const at = address.lastIndexOf("@")
  const name = address.slice(0, at).replace(/(?<=.)\+.*$/, "")
  const host = address.slice(at + 1).replace(/^googlemail\.com$/, "gmail.com")
  return `${host === "gmail.com" ? name.replaceAll(".", "") : name}@${host}`
}

/** What is kept of a mailbox: a keyed hash, the same for all its spellings. */
export const hashMailbox = ({ vault }: { vault: Pick<Vault, "hash"> }, email: string): string =>
  vault.hash(`mailbox:${mailboxOf(email)}`)
