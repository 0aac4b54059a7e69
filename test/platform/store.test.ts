/** The database: group commit, savepoints, effects after commit, and what a failure undoes. */
import { describe, expect, test } from "bun:test"
import { openStore, type Store, type TxQuery } from "../../src/platform/store.ts"
import { openFolder } from "../support/folder.ts"
import { migratedDatabase } from "../support/store.ts"

const open = (folder: string): Store =>
  openStore({ path: `${folder}/main.db`, migrations: "main", synchronous: "FULL" })

const insert = (q: TxQuery, id: string) =>
  q.run("INSERT INTO admin_key (id, name, hint, token_hash, created_at) VALUES (?1, ?1, ?1, ?1, 0)", id)

const listIds = async (store: Store): Promise<string[]> =>
  (await store.read.all<{ id: string }>("SELECT id FROM admin_key ORDER BY rowid")).map(row => row.id)

/** Breaks a rule that SQLite looks at only when the transaction commits. */
async function breakCommit(q: TxQuery): Promise<void> {
  await q.run("PRAGMA defer_foreign_keys = ON")
  await q.run(
    `INSERT INTO api_key (id, customer_id, kind, name, hint, token_hash, created_at)
     VALUES ('key_1', 'nobody', 'user', 'x', 'x', 'x', 0)`,
  )
}

async function withStore(work: (store: Store, folder: string) => Promise<void>): Promise<void> {
  using folder = openFolder()
  const store = open(folder.path)
  await work(store, folder.path)
  await store.close()
}

describe("a job", () => {
  test("gives its value when its writes are durable", () =>
    withStore(async store => {
      expect(await store.tx(q => insert(q, "a"))).toBe(1)
      expect(await listIds(store)).toEqual(["a"])
    }))

  test("that throws is undone, alone: its neighbours of the same moment are committed", () =>
    withStore(async store => {
      const failed = store.tx(async q => {
        await insert(q, "b")
        throw new Error("changed my mind")
      })
      const jobs = await Promise.allSettled([
        store.tx(q => insert(q, "a")),
        failed,
        store.tx(q => insert(q, "c")),
      ])
      expect(jobs.map(job => job.status)).toEqual(["fulfilled", "rejected", "fulfilled"])
      await expect(failed).rejects.toThrow("changed my mind")
      expect(await listIds(store)).toEqual(["a", "c"])
    }))

  test("runs alone: nobody else's statements come between its own", () =>
    withStore(async store => {
      const order: string[] = []
      const job = (name: string) =>
        store.tx(async q => {
          for (const part of [1, 2, 3]) {
            order.push(`${name}${part}`)
            await insert(q, `${name}${part}`)
          }
        })
      await Promise.all([job("a"), job("b")])
      expect(order).toEqual(["a1", "a2", "a3", "b1", "b2", "b3"])
    }))

  test("that is refused by a constraint is undone and leaves the store usable", () =>
    withStore(async store => {
      await store.tx(q => insert(q, "a"))
      await expect(store.tx(q => insert(q, "a"))).rejects.toThrow("UNIQUE constraint failed")
      await store.tx(q => insert(q, "b"))
      expect(await listIds(store)).toEqual(["a", "b"])
    }))

  test("sees what earlier jobs of its group wrote", () =>
    withStore(async store => {
      const counts = await Promise.all(
        [1, 2, 3].map(number =>
          store.tx(async q => {
            await insert(q, `a${number}`)
            return (await q.get<{ count: number }>("SELECT count(*) AS count FROM admin_key"))!.count
          }),
        ),
      )
      expect(counts).toEqual([1, 2, 3])
    }))

  test("can undo a part of itself and go on", () =>
    withStore(async store => {
      await store.tx(async q => {
        await insert(q, "kept")
        const part = q.atomically(async () => {
          await insert(q, "undone")
          throw new Error("this part only")
        })
        await expect(part).rejects.toThrow("this part only")
        expect(await q.atomically(() => insert(q, "also kept"))).toBe(1)
      })
      expect(await listIds(store)).toEqual(["kept", "also kept"])
    }))
})

describe("group commit", () => {
  test("a job is applied before it is durable; readers see it only then", () =>
    withStore(async store => {
      const { value, durable } = await store.apply(q => insert(q, "a"))
      expect(value).toBe(1)
      expect(await listIds(store)).toEqual([])
      await durable
      expect(await listIds(store)).toEqual(["a"])
    }))

  test("jobs of one moment become visible together", () =>
    withStore(async store => {
      const first = await store.apply(q => insert(q, "a"))
      const second = await store.apply(q => insert(q, "b"))
      expect(await listIds(store)).toEqual([])
      await first.durable
      expect(await listIds(store)).toEqual(["a", "b"])
      await second.durable
    }))

  test("more jobs than one group takes are all done, in order", () =>
    withStore(async store => {
      const ids = Array.from({ length: 600 }, (_, number) => `job ${number}`)
      await Promise.all(ids.map(id => store.tx(q => insert(q, id))))
      expect(await listIds(store)).toEqual(ids)
    }))

  test("a commit that fails fails every job of its group, and none after it", () =>
    withStore(async store => {
      const jobs = await Promise.allSettled([store.tx(q => insert(q, "good")), store.tx(breakCommit)])
      const reason = {
        reason: "unavailable",
        message: expect.stringContaining("FOREIGN KEY constraint failed"),
      }
      expect(jobs).toMatchObject([
        { status: "rejected", reason },
        { status: "rejected", reason },
      ])
      expect(await store.tx(q => insert(q, "later"))).toBe(1)
      expect(await listIds(store)).toEqual(["later"])
    }))

  test("a job that was applied learns of the failed commit by `durable`", () =>
    withStore(async store => {
      const good = await store.apply(q => insert(q, "good"))
      const bad = await store.apply(breakCommit)
      await expect(good.durable).rejects.toMatchObject({ reason: "unavailable" })
      await expect(bad.durable).rejects.toMatchObject({ reason: "unavailable" })
    }))

  test("a rollback by SQLite itself (disk full) fails what was applied before it", () =>
    withStore(async store => {
      const full = async (q: TxQuery) => {
        await q.run("ROLLBACK")
        throw new Error("database or disk is full")
      }
      const good = (id: string) => store.tx(q => insert(q, id))
      const jobs = await Promise.allSettled([good("before"), store.tx(full), good("after")])
      expect(jobs).toMatchObject([
        { status: "rejected", reason: { reason: "unavailable" } },
        { status: "rejected", reason: { message: "database or disk is full" } },
        { status: "fulfilled" },
      ])
      expect(await listIds(store)).toEqual(["after"])
    }))

  test("while another process holds the file, jobs fail as unavailable; afterwards they run", () =>
    withStore(async (store, folder) => {
      await store.tx(q => q.run("PRAGMA busy_timeout = 1"))
      const other = open(folder)
      const { durable } = await other.apply(q => insert(q, "other"))
      await expect(store.tx(q => insert(q, "mine"))).rejects.toMatchObject({ reason: "unavailable" })
      await durable
      await store.tx(q => insert(q, "mine"))
      expect(await listIds(store)).toEqual(["other", "mine"])
      await other.close()
    }))
})

describe("an effect", () => {
  test("runs after the commit, when everyone can read what was written", () =>
    withStore(async store => {
      const seen: Promise<string[]>[] = []
      await store.tx(async q => {
        q.afterCommit(() => seen.push(listIds(store)))
        await insert(q, "a")
      })
      expect(await Promise.all(seen)).toEqual([["a"]])
    }))

  test("does not run when its job throws", () =>
    withStore(async store => {
      const failed = store.tx(async q => {
        q.afterCommit(() => expect.unreachable())
        throw new Error("no")
      })
      await expect(failed).rejects.toThrow("no")
    }))

  test("does not run when the commit fails", () =>
    withStore(async store => {
      const effects: string[] = []
      const good = store.tx(async q => q.afterCommit(() => effects.push("good")))
      const bad = store.tx(async q => {
        q.afterCommit(() => effects.push("bad"))
        await breakCommit(q)
      })
      await Promise.allSettled([good, bad])
      expect(effects).toEqual([])
    }))
})

test("an effect that throws is reported, and nobody waits for ever because of it", async () => {
  const reported: unknown[] = []
  const onEffectError = (error: unknown) => void reported.push(error)
  const options = {
    path: migratedDatabase(),
    migrations: "main",
    synchronous: "FULL",
    onEffectError,
  } as const
  const store = openStore(options)
  const effects: string[] = []
  const failing = store.tx(async q => {
    q.afterCommit(() => {
      throw new Error("a listener's bug")
    })
    q.afterCommit(() => effects.push("second effect"))
    await insert(q, "a")
  })
  await Promise.all([failing, store.tx(q => insert(q, "b"))])
  await store.tx(q => insert(q, "c"))
  expect(await listIds(store)).toEqual(["a", "b", "c"])
  expect(effects).toEqual(["second effect"])
  expect(reported).toEqual([new Error("a listener's bug")])
  await store.close()
})

describe("a file that cannot be used is refused as unavailable, with its path, when it is", () => {
  test("no database", async () => {
    using folder = openFolder()
    await Bun.write(`${folder.path}/main.db`, "no database at all, but long enough for a header".repeat(9))
    expect(() => open(folder.path)).toThrow(
      expect.objectContaining({
        reason: "unavailable",
        message: expect.stringMatching(
          /main\.db cannot be used \(file is not a database\).*restore a backup/,
        ),
      }),
    )
  })

  test("in a folder that does not exist", () => {
    using folder = openFolder()
    expect(() => open(`${folder.path}/nowhere`)).toThrow(expect.objectContaining({ reason: "unavailable" }))
  })
})

describe("closing and opening", () => {
  test("close waits for jobs that are queued", async () => {
    using folder = openFolder()
    const store = open(folder.path)
    const jobs = [1, 2, 3].map(number => store.tx(q => insert(q, `job ${number}`)))
    await store.close()
    await Promise.all(jobs)
    const again = open(folder.path)
    expect(await listIds(again)).toHaveLength(3)
    await again.close()
  })

  test("a closed store is whole in its one file: the write-ahead log is folded in", async () => {
    using folder = openFolder()
    const store = open(folder.path)
    await store.tx(q => insert(q, "a"))
    await store.close()
    using other = openFolder()
    await Bun.write(`${other.path}/main.db`, Bun.file(`${folder.path}/main.db`))
    const copy = open(other.path)
    expect(await listIds(copy)).toEqual(["a"])
    await copy.close()
  })

  test("SQLite is new enough, keeps a write-ahead log, syncs fully and checks foreign keys", () =>
    withStore(async store => {
      const settings = await store.tx(async q => ({
        ...(await q.get<object>("SELECT sqlite_version() AS version")),
        ...(await q.get<object>("PRAGMA journal_mode")),
        ...(await q.get<object>("PRAGMA synchronous")),
        ...(await q.get<object>("PRAGMA foreign_keys")),
      }))
      expect(settings).toEqual({
        version: expect.any(String),
        journal_mode: "wal",
        synchronous: 2,
        foreign_keys: 1,
      })
      expect(Bun.semver.order((settings as { version: string }).version, "3.51.3")).not.toBe(-1)
    }))

  test("the reader cannot write", () =>
    withStore(async store => {
      await expect(store.read.run("DELETE FROM admin_key")).rejects.toThrow("readonly")
    }))

  test("a store opens on a migrated database in memory", async () => {
    const store = openStore({ path: migratedDatabase(), migrations: "main", synchronous: "FULL" })
    await store.tx(q => insert(q, "a"))
    expect(await listIds(store)).toEqual(["a"])
    await store.close()
  })
})
