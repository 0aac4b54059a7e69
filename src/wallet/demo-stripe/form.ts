/** Form bodies and query strings with nested brackets, as Stripe reads them: `a[b][0]=x`. */

/** A nested form; lists are forms with the keys 0, 1, 2. */
export interface Form {
  [name: string]: string | Form
}

const DEEPEST = 8

/** Reads `a=1&b[c]=2&d[]=3`; names without a prototype, so that none of them is special. */
export function parseForm(text: string): Form {
  const form = emptyForm()
  for (const [name, value] of new URLSearchParams(text)) put(form, partsOf(name), value)
  return form
}

const emptyForm = (): Form => Object.create(null) as Form

/** `a[b][c]` → a, b, c; what is not closed belongs to the name. */
function partsOf(name: string): string[] {
  const [, head = name, tail = ""] = /^([^[]+)((?:\[[^[\]]*\])*)$/.exec(name) ?? []
  return [head, ...[...tail.matchAll(/\[([^[\]]*)\]/g)].map(([, part = ""]) => part)].slice(0, DEEPEST)
}

function put(form: Form, parts: readonly string[], value: string): void {
  let group = form
  for (const [position, part] of parts.entries()) {
    const name = part === "" ? String(Object.keys(group).length) : part
    if (position === parts.length - 1) {
      group[name] = value
      return
    }
    const inner = group[name]
    const next = typeof inner === "object" ? inner : emptyForm()
    group[name] = next
    group = next
  }
}

/** The same text for the same parameters, whatever their order: what an idempotency key is compared by. */
export function canonicalForm(form: Form): string {
  const flat = Object.keys(form).sort()
  return JSON.stringify(flat.map(name => [name, canonicalValue(form[name]!)]))
}

const canonicalValue = (value: string | Form): string =>
  typeof value === "string" ? `=${value}` : canonicalForm(value)
