/** `serve`: recovers, listens, and stops without losing an answer or a charge. */
import { Database } from "bun:sqlite"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type App, openApp } from "./app.ts"
import { createAdminKey, hasAdminKey } from "./auth/admin-keys.ts"
import { listJobs } from "./background.ts"
import { startDemoPayments } from "./demo-payments.ts"
import { seedUpstreams } from "./gateway/catalog/seed.ts"
import { recoverStored } from "./gateway/stored/recovery.ts"
import { watchChanges } from "./platform/changes.ts"
import type { Config } from "./platform/config.ts"
import { AppError } from "./platform/errors.ts"
import { startEventLog } from "./platform/event-log.ts"
import { startJobs } from "./platform/jobs.ts"
import { describeError } from "./platform/log.ts"
import { createServer } from "./server.ts"
import { recoverMeters } from "./wallet/metering/recover.ts"
import { seedPackages } from "./wallet/offers/packages.ts"

/** How long aborted answers may take to settle at the very end. */
const SETTLE_MS = 5_000

/** A server that listens. */
export interface Running {
  app: App
  url: string
  /** No new work; open answers finish within the limit or are ended and settled; then everything is closed. */
  stop(): Promise<void>
}

/** Starts serving. Throws `unavailable` when another server has the data folder or the port is taken. */
export async function serve(config: Config): Promise<Running> {
  mkdirSync(config.data_dir, { recursive: true, mode: 0o700 })
  const unlock = lockDataDir(config.data_dir)
  try {
    return await start(config, unlock)
  } catch (error) {
    unlock()
    throw error
  }
}

async function start(config: Config, unlock: () => void): Promise<Running> {
  const app = await openApp(config)
  try {
    return await startApp(app, unlock)
  } catch (error) {
    await app.close()
    throw error
  }
}

async function startApp(app: App, unlock: () => void): Promise<Running> {
  const { config } = app
  await seedUpstreams(app, config.upstreams)
  await seedPackages(app)
  await app.catalog.reload()
  const recovered = await recoverMeters(app)
  if (recovered > 0) app.log.warn("ended the open requests of a server that stopped", { count: recovered })
  const interrupted = await recoverStored(app)
  if (interrupted > 0)
    app.log.warn("background responses of a server that stopped have failed", { count: interrupted })
  await writeFirstAdminKey(app)
  // First what can fail: nothing must go on when the port is taken.
  const server = listen(app)
  const stopEventLog = startEventLog(app)
  const stopWatching = watchForChanges(app)
  const { port, hostname } = server.server!
  const url = `http://${hostname?.includes(":") ? `[${hostname}]` : hostname}:${port}`
  const stopDemo = startDemoPayments(app, ownUrl(hostname, port))
  const jobs = startJobs(app, listJobs(app))
  return {
    app,
    url,
    async stop() {
      stopWatching()
      // Idle connections close, no new ones are taken; answers under way go on.
      const drained = server.server!.stop(false)
      const finished = Promise.all([jobs.stop(), drained.then(() => app.tasks.idle())])
      await Promise.race([finished, Bun.sleep(config.shutdown_ms)])
      for (const connection of app.connections) connection.abort()
      await Promise.race([app.tasks.idle(), Bun.sleep(SETTLE_MS)])
      await server.server!.stop(true)
      await stopDemo()
      await stopEventLog()
      await app.close()
      unlock()
    },
  }
}

/** Where this machine reaches the server: a server on every address listens on loopback too. */
function ownUrl(hostname: string | undefined, port: number | undefined): string {
  const name = hostname === undefined || hostname === "0.0.0.0" || hostname === "::" ? "127.0.0.1" : hostname
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`
}

function listen(app: App) {
  const { port, host: hostname } = app.config
  try {
    // Elysia shares ports by default: two servers would each get a part of the requests.
    return createServer(app).listen({ port, hostname, reusePort: false })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new AppError(
      "unavailable",
      `Cannot listen on ${hostname}:${port} (${why}): set CODEXAPI_PORT or CODEXAPI_HOST.`,
    )
  }
}

function watchForChanges(app: App): () => void {
  const onError = (error: unknown) => app.log.error("looking for changes failed", describeError(error))
  return watchChanges(
    { read: app.store.read, clock: app.clock, onError },
    {
      auth: () => app.keys.forget(),
      catalog: () => app.catalog.reload(),
      policy: () => app.policies.reload(),
    },
  )
}

/**
 * One server per data folder: recovery must not end the requests of a server that lives. SQLite's lock on a file
 * of its own is released by the kernel however the process ends.
 */
function lockDataDir(data_dir: string): () => void {
  const lock = new Database(join(data_dir, "server.lock"), { create: true })
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
  } catch {
    // SQLITE_BUSY: the file is held.
    throw new AppError(
      "unavailable",
      `Another codexapi serves from ${data_dir}: stop it, or set CODEXAPI_DATA_DIR.`,
    )
  }
  return () => lock.close()
}

async function writeFirstAdminKey(app: App): Promise<void> {
  const path = adminKeyPath(app.config.data_dir)
  if (existsSync(path) || (await hasAdminKey(app.store.read))) return
  const { token } = await app.store.tx(q => createAdminKey(q, app, "first"))
  writeFileSync(path, `${token}\n`, { mode: 0o600 })
}

/** Where the first admin key is written, readable by this user only. */
export const adminKeyPath = (data_dir: string): string => join(data_dir, "admin.key")
