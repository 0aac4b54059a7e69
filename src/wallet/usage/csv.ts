/** Tables as CSV (RFC 4180), safe to open in a spreadsheet. */

/** What a cell may hold; a list is its parts with `; ` between them. */
export type CellValue = string | number | boolean | null | readonly string[]

/** A header line of the first row's keys, then a line a row; CRLF. */
export function toCsv(rows: readonly Record<string, CellValue>[], columns: readonly string[]): string {
  const lines = rows.map(row => columns.map(column => cell(row[column] ?? null)).join(","))
  return `${[columns.join(","), ...lines].join("\r\n")}\r\n`
}

function cell(value: CellValue): string {
  if (value === null) return ""
  if (typeof value === "object") return cell(value.join("; "))
  if (typeof value !== "string") return String(value)
  // A cell that begins like a formula would run in a spreadsheet.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
