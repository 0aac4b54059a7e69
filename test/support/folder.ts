/** A temporary folder that is removed when its test ends. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Folder extends Disposable {
  path: string
  /** The names in it, sorted. */
  list(): string[]
}

/** Opens a folder; `using` removes it. */
export function openFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "codexapi-test-"))
  return {
    path,
    list: () => readdirSync(path).sort(),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
