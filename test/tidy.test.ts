/** The code tests itself: import direction, purity of the two rooms, sizes, banned words, mirrored tests, dead files. */
import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"

const root = resolve(import.meta.dir, "..")
const tracked = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
})
const files = tracked.stdout
  .toString()
  .split("\n")
  .filter(file => /^(src|db|test|scripts)\/.*\.ts$/.test(file) && existsSync(join(root, file)))
const read = (file: string): string => readFileSync(join(root, file), "utf8")
const sources = files.filter(file => file.startsWith("src/"))

/** Imports point left only. `account` and `wallet` pages lie above what they show; `site` shows everything. */
const ORDER = ["platform", "auth", "notices", "wallet", "account", "gateway", "site", "admin", "conformance"]
/** Files directly in src: they make, map and start everything. */
const TOP = ORDER.length

const domainOf = (file: string): number => {
  const [, folder = ""] = file.split("/")
  return folder.endsWith(".ts") ? TOP : ORDER.indexOf(folder)
}

interface Import {
  from: string
  to: string
}

/** Relative imports, resolved against the root; packages are given by name. */
function importsOf(file: string): Import[] {
  const found = read(file).matchAll(/^(?:import|export)[^"]*?from "([^"]+)"/gms)
  return [...found].map(([, target = ""]) => ({
    from: file,
    to: target.startsWith(".") ? relative(root, resolve(root, dirname(file), target)) : target,
  }))
}

const all = files.flatMap(importsOf)

describe("imports", () => {
  test("every folder of src has its place in the order", () => {
    expect(sources.filter(file => domainOf(file) === -1)).toEqual([])
  })

  test("point from later domains to earlier ones only", () => {
    const wrong = all.filter(
      ({ from, to }) => from.startsWith("src/") && to.startsWith("src/") && domainOf(to) > domainOf(from),
    )
    expect(wrong).toEqual([])
  })

  test("of tables.ts come from its own folder or the schema", () => {
    const wrong = all.filter(({ from, to }) => to.endsWith("/tables.ts") && dirname(from) !== dirname(to))
    expect(wrong.filter(({ from }) => !from.startsWith("db/schema"))).toEqual([])
  })

  test("never reach from src into tests or scripts", () => {
    expect(all.filter(({ from, to }) => from.startsWith("src/") && /^(test|scripts)\//.test(to))).toEqual([])
  })
})

describe("the two rooms", () => {
  test("translation imports itself and the shape of usage, and is pure", () => {
    const allowed =
      /^src\/gateway\/protocol\/|^src\/wallet\/pricing\/usage\.ts$|^src\/platform\/(errors|problem)\.ts$/
    const room = all.filter(({ from }) => from.startsWith("src/gateway/protocol/"))
    expect(room.filter(({ to }) => !allowed.test(to))).toEqual([])
    const impure =
      /\b(?:fetch\(|setTimeout|setInterval|Date\.now|Math\.random|crypto\.|Bun\.(?!deepEquals)|process\.)/
    expect(namesMatching("src/gateway/protocol/", impure)).toEqual([])
  })

  test("money imports itself, the store and errors; only post.ts and accounts.ts write its tables", () => {
    const allowed = /^src\/wallet\/ledger\/|^src\/platform\/(errors|store)\.ts$|^db\/kit\.ts$/
    const room = all.filter(({ from }) => from.startsWith("src/wallet/ledger/"))
    expect(room.filter(({ to }) => !allowed.test(to))).toEqual([])
    const writers = namesMatching(
      "src/",
      /\b(?:INSERT (?:OR \w+ )?INTO|REPLACE INTO|UPDATE|DELETE FROM) ledger_(?:transfer|account)\b/,
    )
    expect(writers.filter(file => !/ledger\/(post|accounts)\.ts$/.test(file))).toEqual([])
  })

  test("prices are computed without floating point", () => {
    expect(namesMatching("src/wallet/ledger/", /\bparseFloat\b|\.toFixed\(/)).toEqual([])
    expect(namesMatching("src/wallet/pricing/", /\bparseFloat\b|\.toFixed\(/)).toEqual([])
  })
})

/** Code without its comments and texts: words in sentences are free. */
const codeOf = (file: string): string =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "")

const namesMatching = (folder: string, pattern: RegExp): string[] =>
  files.filter(file => file.startsWith(folder) && pattern.test(codeOf(file)))

describe("sizes", () => {
  test("no file has more than 400 lines", () => {
    expect(files.filter(file => read(file).split("\n").length > 401)).toEqual([])
  })

  test("no line of code is longer than 120 columns, the formatter's 110 and what it cannot break", () => {
    const long = files.flatMap(file =>
      codeOf(file)
        .split("\n")
        .filter(line => line.length > 120 && !/["'`/]/.test(line))
        .map(line => `${file}: ${line.trim()}`),
    )
    expect(long).toEqual([])
  })

  test("no function of src has more than 70 lines", () => {
    expect(sources.flatMap(longFunctions)).toEqual([])
  })
})

/** Functions at the left margin that run longer than 70 lines: the formatter closes them with `}` in column 0. */
function longFunctions(file: string): string[] {
  const lines = read(file).split("\n")
  return lines.flatMap((line, start) => {
    const name = /^(?:export )?(?:async )?function\*? (\w+)/.exec(line)?.[1]
    if (!name) return []
    const length = lines.slice(start).indexOf("}") + 1
    return length > 70 ? [`${file}: ${name} has ${length} lines`] : []
  })
}

describe("words", () => {
  /** What is banned, and what to write instead. */
  const banned: [RegExp, string][] = [
    [/^export default\b/m, "a named export"],
    [/\bas any\b|: any\b/, "unknown, and a check"],
    [/\bTODO\b|\bFIXME\b/, "do it, or name it in an issue"],
    [/\bnot implemented\b/i, "leave it out"],
    [/\bconsole\.(?:log|error|warn)\b/, "log, or process.stdout in main.ts"],
    [/@ts-(?:ignore|nocheck)/, "types that are true"],
  ]
  for (const [pattern, instead] of banned) {
    test(`${pattern.source} is not in src: write ${instead}`, () => {
      const wrong = sources.filter(file => !file.endsWith(".d.ts") && pattern.test(codeOf(file)))
      expect(wrong).toEqual([])
    })
  }

  test("files are named by nouns, in kebab-case", () => {
    expect(files.filter(file => /(^|\/)(utils?|helpers?|common|misc|manager|index)\.ts$/.test(file))).toEqual(
      [],
    )
    expect(files.filter(file => !/^[a-z0-9./-]+$/.test(file))).toEqual([])
  })

  test("every file begins with a sentence that says what it is", () => {
    const silent = files.filter(file => !/^(#!.*\n)?\/\*\*/.test(read(file)))
    expect(silent).toEqual([])
  })

  test("only main.ts reads the environment", () => {
    const readers = sources.filter(file => /process\.env/.test(codeOf(file)))
    expect(readers).toEqual(["src/main.ts"])
  })
})

describe("tests", () => {
  test("mirror the source: each names a file that exists, or a folder's topic", () => {
    const orphans = files.filter(file => file.endsWith(".test.ts")).filter(file => !isMirrored(file))
    expect(orphans).toEqual([])
  })

  test("every file is imported by something, or is where something starts", () => {
    const used = new Set(all.map(({ to }) => to))
    const starts = /^(src\/main\.ts|db\/schema-|scripts\/)|\.test\.ts$|\.d\.ts$/
    const launched = files.filter(
      file => file.startsWith("test/") && /import\.meta\.main|^await /m.test(read(file)),
    )
    const dead = files.filter(file => !used.has(file) && !starts.test(file) && !launched.includes(file))
    expect(dead.filter(file => !isNamedInText(file))).toEqual([])
  })
})

/** `test/wallet/ledger/post.test.ts` mirrors `src/wallet/ledger/post.ts`; `forward-credit.test.ts` its `forward.ts`. */
function isMirrored(file: string): boolean {
  // Whole things are tested there: programs, the laws of all protocols, the real clients.
  if (/^test\/(e2e|simulation|support|torture|bench|fuzz|gateway\/laws)\//.test(file)) return true
  if (file === "test/tidy.test.ts") return true
  const name = file.replace(/^test\//, "").replace(/\.test\.ts$/, "")
  const folder = dirname(name)
  const base = name.slice(folder.length + 1)
  const candidates = sources.filter(source => dirname(source) === (folder === "." ? "src" : `src/${folder}`))
  return candidates.some(source => {
    const noun = source.slice(source.lastIndexOf("/") + 1).replace(/\.ts$/, "")
    return base === noun || name === noun || base.startsWith(`${noun}-`)
  })
}

/** Programs of the bench, the simulation and the torture are started by path, from a script or another file. */
function isNamedInText(file: string): boolean {
  const name = file.slice(file.lastIndexOf("/") + 1)
  const scripts = readdirSync(join(root, "scripts"), { withFileTypes: true }).filter(entry => entry.isFile())
  const texts = scripts.map(entry => readFileSync(join(root, "scripts", entry.name), "utf8"))
  return (
    texts.some(text => text.includes(file)) ||
    files.some(other => other !== file && read(other).includes(name))
  )
}
