/** The command line: the only place that reads the environment and decides exit codes. */

import { type Output, readValues, render, UsageError, usageOf } from "./admin/command.ts"
import { COMMANDS } from "./admin/command-list.ts"
import { examine } from "./admin/doctor.ts"
import { type App, openApp } from "./app.ts"
import { CONFORMANCE_USAGE, readOptions, runConformance } from "./conformance/command.ts"
import { ConfigError, readConfig } from "./platform/config.ts"
import { AppError } from "./platform/errors.ts"
import { startEventLog } from "./platform/event-log.ts"
import { describeError } from "./platform/log.ts"
import { raiseRequestLimit } from "./platform/re-exec.ts"
import { VARIABLES } from "./platform/variables.ts"
import { VERSION } from "./platform/version.ts"
import { adminKeyPath, serve } from "./serve.ts"
import { verifyBooks } from "./wallet/books/verify.ts"

const EXIT_OK = 0
/** The command ran and found or met something wrong. */
const EXIT_FAILED = 1
/** The words or the configuration are wrong. */
const EXIT_USAGE = 2

const HELP = `codexapi ${VERSION}: metered, prepaid access to coding models

  codexapi serve                 serve customers
  codexapi admin <command>       manage; works while the server runs
  codexapi verify-ledger         check every law of the books
  codexapi doctor                look for what is wrong with this installation
  codexapi conformance           run our protocol and billing cases against a server; --help says more
  codexapi version | help

--json prints JSON.

Admin commands:
${COMMANDS.map(command => `  ${command.name.padEnd(20)} ${command.summary}`).join("\n")}

Environment:
${VARIABLES.map(variable => `  ${variable.name.padEnd(34)} ${variable.summary}`).join("\n")}
`

async function main(words: string[]): Promise<number> {
  const is_json = words.includes("--json")
  const [verb = "help", ...rest] = words.filter(word => word !== "--json")
  switch (verb) {
    case "serve":
      return runServer()
    case "admin":
      return runCommand(rest, is_json)
    case "verify-ledger":
      return withApp(app => verify(app, is_json))
    case "doctor":
      return withApp(app => diagnose(app, is_json))
    case "conformance":
      return testServer(rest, is_json)
    case "version":
    case "--version":
      await print(is_json ? JSON.stringify({ version: VERSION }) : VERSION)
      return EXIT_OK
    case "help":
    case "--help":
      await print(HELP)
      return EXIT_OK
    default:
      throw new UsageError(`unknown command ${verb}; \`codexapi help\` lists them`)
  }
}

async function runServer(): Promise<number> {
  const config = readConfig(process.env)
  raiseRequestLimit(process.env)
  const running = await serve(config)
  // A bug in one request must not end the others; Bun would exit. The log says where it is.
  process.on("unhandledRejection", error =>
    running.app.log.error("unhandled rejection", describeError(error)),
  )
  await print(`codexapi listening on ${running.url}\nadmin key in ${adminKeyPath(config.data_dir)}`)
  await new Promise(resolve => {
    process.once("SIGTERM", resolve)
    process.once("SIGINT", resolve)
  })
  running.app.log.info("stopping: no new work, open answers finish first")
  await running.stop()
  return EXIT_OK
}

async function runCommand(words: string[], is_json: boolean): Promise<number> {
  const command = COMMANDS.find(one => one.name === words.slice(0, one.name.split(" ").length).join(" "))
  if (!command) throw new UsageError(`unknown admin command ${words.join(" ")}; \`codexapi help\` lists them`)
  const options = words.slice(command.name.split(" ").length)
  if (options.includes("--help")) {
    await print(`${command.summary}\n${usageOf(command)}`)
    return EXIT_OK
  }
  const values = readValues(command, options)
  return withApp(async app => {
    const stopEventLog = startEventLog(app)
    try {
      await printOutput(await command.run(app, values), is_json)
      return EXIT_OK
    } finally {
      await stopEventLog()
    }
  })
}

async function verify(app: App, is_json: boolean): Promise<number> {
  const laws = await verifyBooks(app.store.read)
  const is_ok = laws.every(law => law.findings.length === 0)
  if (is_json) await print(JSON.stringify({ ok: is_ok, laws }))
  else
    for (const law of laws)
      await print(
        [`${law.findings.length === 0 ? "ok  " : "FAIL"} ${law.law}`, ...law.findings].join("\n       "),
      )
  return is_ok ? EXIT_OK : EXIT_FAILED
}

async function diagnose(app: App, is_json: boolean): Promise<number> {
  const findings = await examine(app)
  await printOutput(
    findings.map(({ result, check, detail }) => ({ result, check, detail })),
    is_json,
  )
  return findings.some(finding => finding.result === "fail") ? EXIT_FAILED : EXIT_OK
}

async function testServer(words: string[], is_json: boolean): Promise<number> {
  if (words.includes("--help")) {
    await print(CONFORMANCE_USAGE)
    return EXIT_OK
  }
  const { host, port } = readConfig(process.env)
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  const own_url = `http://${name.includes(":") ? `[${name}]` : name}:${port}`
  const options = readOptions(words, { own_url, key: process.env.CODEXAPI_KEY })
  return (await runConformance(options, { print, is_json })) ? EXIT_OK : EXIT_FAILED
}

async function withApp(work: (app: App) => Promise<number>): Promise<number> {
  const app = await openApp(readConfig(process.env))
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}

/** A pipe takes 64 KiB at once: what is left would be lost by an exit right after. */
const print = (text: string) =>
  new Promise<void>(resolve => process.stdout.write(`${text}\n`, () => resolve()))
const printOutput = (output: Output, is_json: boolean) =>
  print(is_json ? JSON.stringify(output) : render(output))

try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  const is_usage = error instanceof UsageError || error instanceof ConfigError
  if (!is_usage && !(error instanceof AppError)) throw error
  process.stderr.write(`codexapi: ${error.message}\n`)
  process.exit(is_usage ? EXIT_USAGE : EXIT_FAILED)
}
