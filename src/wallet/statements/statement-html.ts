/** A statement as a page to print: one file without scripts or anything from elsewhere, every value escaped; pure. */
import type { ApiStatement } from "./statement-view.ts"

const STYLE = `
  :root { color-scheme: light }
  body { font: 14px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
  p { margin: .25rem 0; color: #555 }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
  th { color: #555; font-weight: 600 } td { overflow-wrap: anywhere }
  .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
  tfoot td { font-weight: 600; border-bottom: 0 }
  @media print {
    @page { margin: 15mm } body { margin: 0; padding: 0; max-width: none; font-size: 10pt }
    thead { display: table-header-group } tr { break-inside: avoid } h2 { break-after: avoid }
  }`

const escapeHtml = (text: string | number): string =>
  String(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")

/** A column: its heading, the value of a row, and whether it is a number. */
interface Column<Row> {
  title: string
  show(row: Row): string | number
  is_number?: boolean
}

/** What can be put on the page; the brand is the operator's name. */
export function writeStatementHtml(statement: ApiStatement, brand: string): string {
  const { month, email, customerId, madeAt, isComplete, totals } = statement
  const title = `${brand}: statement ${month}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${escapeHtml(brand)}</h1>
<p>Statement of ${escapeHtml(month)} (UTC) for ${escapeHtml(email)}, ${escapeHtml(customerId)}</p>
<p>Made ${escapeHtml(madeAt)}${isComplete ? "" : ", while the month goes on: it will change"}. Amounts in USD.</p>
<h2>Balances</h2>
${table(BALANCES, balancesOf(statement))}
<h2>Movements</h2>
${statement.movements.length === 0 ? "<p>None.</p>" : table(MOVEMENTS, statement.movements)}
<h2>Usage</h2>
${statement.usage.length === 0 ? "<p>None.</p>" : table(USAGE, statement.usage, ["Total", "", totals.requestCount, "", "", totals.chargedUsd])}
<p>Purchases: ${escapeHtml(totals.purchaseCount)}, paid $${escapeHtml(totals.paidUsd)}.</p>
</body>
</html>
`
}

type Balance = ApiStatement["tokenWallet"] & { name: string }

const balancesOf = ({ tokenWallet, cashWallet, debt }: ApiStatement): Balance[] => [
  { name: "Token Wallet", ...tokenWallet },
  { name: "Cash Wallet", ...cashWallet },
  { name: "Owed", ...debt },
]

const BALANCES: Column<Balance>[] = [
  { title: "", show: row => row.name },
  { title: "Opening", show: row => row.openingUsd, is_number: true },
  { title: "In", show: row => row.inUsd, is_number: true },
  { title: "Out", show: row => row.outUsd, is_number: true },
  { title: "Closing", show: row => row.closingUsd, is_number: true },
]

const MOVEMENTS: Column<ApiStatement["movements"][number]>[] = [
  { title: "Date", show: row => row.at.slice(0, 16).replace("T", " ") },
  { title: "Wallet", show: row => row.wallet },
  { title: "What", show: row => `${row.type}${row.purchase?.isTest ? " (test: no money moved)" : ""}` },
  { title: "Reference", show: row => row.purchase?.id ?? row.reference },
  { title: "Price", show: row => row.purchase?.priceUsd ?? "", is_number: true },
  { title: "In", show: row => row.inUsd, is_number: true },
  { title: "Out", show: row => row.outUsd, is_number: true },
]

const USAGE: Column<ApiStatement["usage"][number]>[] = [
  { title: "Day", show: row => row.day },
  { title: "Model", show: row => row.model },
  { title: "Requests", show: row => row.requestCount, is_number: true },
  { title: "Input tokens", show: row => row.inputTokens, is_number: true },
  { title: "Output tokens", show: row => row.outputTokens, is_number: true },
  { title: "Charged", show: row => row.chargedUsd, is_number: true },
]

function table<Row>(columns: Column<Row>[], rows: readonly Row[], foot?: (string | number)[]): string {
  const line = (cell: "th" | "td", texts: (string | number)[]) =>
    `<tr>${texts.map((text, at) => `<${cell}${columns[at]?.is_number ? ' class="number"' : ""}>${escapeHtml(text)}</${cell}>`).join("")}</tr>`
  const head = line(
    "th",
    columns.map(column => column.title),
  )
  const body = rows.map(row =>
    line(
      "td",
      columns.map(column => column.show(row)),
    ),
  )
  const end = foot ? `<tfoot>${line("td", foot)}</tfoot>` : ""
  return `<table>\n<thead>${head}</thead>\n<tbody>\n${body.join("\n")}\n</tbody>${end}</table>`
}
