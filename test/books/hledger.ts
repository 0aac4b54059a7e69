/** What hledger does with a journal, as far as our exports go: a small grammar, balances that must fit, assertions. */

export interface JournalPosting {
  account: string
  /** Nano-USD. */
  nanos: bigint
  commodity: string
}

export interface JournalTransaction {
  day: string
  description: string
  /** Of its comments, e.g. `id`. */
  tags: Map<string, string>
  postings: JournalPosting[]
}

export interface Journal {
  transactions: JournalTransaction[]
  assertion_count: number
  /** The comments at the margin. */
  comments: string[]
}

const DIRECTIVE = /^(?:decimal-mark \.|commodity 1\.\d+ (?:[A-Z]+|"[A-Z-]+"))$/
const HEADER = /^(\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])) \* ([^;|]+)$/
const TAG = /^ {4}; ([a-z]+): (.*)$/
/** An account's name ends at two blanks. */
const ACCOUNT = /[\w.-]+(?::[\w.-]+)+/.source
const AMOUNT = /(-?\d+(?:\.\d{9})?) ([A-Z]+|"[A-Z-]+")/.source
const POSTING = new RegExp(`^ {4}(${ACCOUNT}) {2}${AMOUNT}(?: =\\* ${AMOUNT})?$`)

/** Reads a journal. Throws, naming the line, for what hledger would not take, and for balances and assertions that fail. */
export function readJournal(text: string): Journal {
  const journal: Journal = { transactions: [], assertion_count: 0, comments: [] }
  const balances = new Map<string, bigint>()
  let current: JournalTransaction | undefined
  const end = () => {
    if (current) assertBalanced(current)
    current = undefined
  }
  for (const line of text.split("\n")) {
    const header = HEADER.exec(line)
    const tag = TAG.exec(line)
    const posting = POSTING.exec(line)
    if (line === "") end()
    else if (!current && line.startsWith("; ")) journal.comments.push(line.slice(2))
    else if (header) {
      current = { day: header[1]!, description: header[2]!, tags: new Map(), postings: [] }
      journal.transactions.push(current)
    } else if (current && tag) current.tags.set(tag[1]!, tag[2]!)
    else if (current && posting) journal.assertion_count += post(balances, current, posting)
    else if (current || !DIRECTIVE.test(line)) throw new Error(`not a line of a journal: ${line}`)
  }
  end()
  return journal
}

function post(balances: Map<string, bigint>, current: JournalTransaction, posting: RegExpExecArray): 0 | 1 {
  const [line, account = "", amount = "", commodity = "", asserted, asserted_commodity] = posting
  const nanos = nanosOf(amount)
  current.postings.push({ account, nanos, commodity })
  const key = `${commodity} ${account}`
  balances.set(key, (balances.get(key) ?? 0n) + nanos)
  if (asserted === undefined) return 0
  // `=*` counts the accounts below.
  const inside = [...balances].filter(([name]) => name === key || name.startsWith(`${key}:`))
  const balance = inside.reduce((sum, [, one]) => sum + one, 0n)
  if (balance !== nanosOf(asserted) || asserted_commodity !== commodity)
    throw new Error(`assertion failed, the balance is ${balance}: ${line}`)
  return 1
}

function assertBalanced({ description, postings }: JournalTransaction): void {
  for (const [commodity, ours] of Map.groupBy(postings, posting => posting.commodity)) {
    const sum = ours.reduce((total, { nanos }) => total + nanos, 0n)
    if (sum !== 0n) throw new Error(`${description} is off by ${sum} ${commodity}`)
  }
}

function nanosOf(amount: string): bigint {
  const [whole = "", decimals = ""] = amount.replace("-", "").split(".")
  const nanos = BigInt(whole) * 1_000_000_000n + BigInt(decimals.padEnd(9, "0"))
  return amount.startsWith("-") ? -nanos : nanos
}
