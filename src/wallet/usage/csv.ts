/** Tables as CSV (RFC 4180), safe to open in a spreadsheet. */

/** A header line of the first row's keys, then a line a row; CRLF. */
export function toCsv(
  rows: readonly Record<string, string | number | boolean | null>[],
  columns: readonly string[],
): string {
  const lines = rows.map(row => columns.map(column => cell(row[column] ?? null)).join(","))
  return `${[columns.join(","), ...lines].join("\r\n")}\r\n`
}

function cell(value: string | number | boolean | null): string {
  if (value === null) return ""
  if (typeof value !== "string") return String(value)
  // A cell that begins like a formula would run in a spreadsheet.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
