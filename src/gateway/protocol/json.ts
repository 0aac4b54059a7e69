/** JSON values as the translation room passes them on, and small questions about them; reads no request. */

/** A JSON object whose content we carry without looking inside. */
export type JsonObject = { [key: string]: unknown }

/**
 * T with every optional key either present with a value or absent, as `exactOptionalPropertyTypes` wants it.
 */
export type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** Whether a value is a JSON object: not null, not a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** A copy without the keys whose value is undefined; null stays. */
export function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Present<T>
}

/** The value when it is a string, else undefined. */
export function stringOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined
}

/** The object that `text` says; undefined when it says none. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    // Not JSON: so it says no object, which is all that is asked.
    return undefined
  }
}
