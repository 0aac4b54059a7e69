/** Which form of an answer a client asked for with its `Accept` header; pure. */

export type Form = "json" | "csv" | "html"

const FORM_OF_TYPE: Record<string, Form> = {
  "application/json": "json",
  "*/*": "json",
  "text/csv": "csv",
  "text/html": "html",
}

/** The form with the highest weight, the first of equals; JSON when nothing that we have is asked for. */
export function readForm(accept: string | null): Form {
  const asked = (accept ?? "").split(",").flatMap(part => {
    const [type = "", ...parameters] = part.split(";").map(word => word.trim().toLowerCase())
    const form = FORM_OF_TYPE[type]
    const quality = Number(parameters.find(word => word.startsWith("q="))?.slice(2) ?? 1)
    return form !== undefined && quality > 0 ? [{ form, quality }] : []
  })
  return asked.sort((a, b) => b.quality - a.quality)[0]?.form ?? "json"
}
