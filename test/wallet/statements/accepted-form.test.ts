/** The form that an `Accept` header asks for. */
import { expect, test } from "bun:test"
import { readForm } from "../../../src/wallet/statements/accepted-form.ts"

test.each([
  [null, "json"],
  ["", "json"],
  ["*/*", "json"],
  ["application/json", "json"],
  ["text/csv", "csv"],
  ["TEXT/CSV; charset=utf-8", "csv"],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", "html"],
  ["application/json, text/html;q=0.5", "json"],
  ["text/html;q=0.2, text/csv;q=0.7", "csv"],
  ["text/html;q=0, */*", "json"],
  ["text/csv, text/html", "csv"],
  ["application/pdf", "json"],
  ["text/html;q=x", "json"],
] as const)("Accept: %s is %s", (accept, form) => {
  expect(readForm(accept)).toBe(form)
})
