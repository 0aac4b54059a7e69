/** Remembered answers: that work with one key is done once, whoever asks how often, and what is given again. */
import { describe, expect, test } from "bun:test"
import { AppError, type Reason } from "../../src/platform/errors.ts"
import {
  answerOnce,
  forgetAnswers,
  type KeyedRequest,
  type Remember,
} from "../../src/platform/idempotency.ts"
import { requestOf } from "../support/app.ts"
import { openIdentity } from "../support/identity.ts"
import { countedWork, openKeyedEndpoint, path } from "../support/keyed-endpoint.ts"

const DAY_MS = 86_400_000

interface Asked {
  key?: string
  body?: unknown
  path?: string
  customer_id?: string
  boot_id?: string
}

/** Two customers on a store in memory, and a function that asks with a key. */
async function open() {
  const identity = openIdentity()
  const mine = await identity.addCustomer()
  const other = await identity.addCustomer()
  function ask<T>(asked: Asked, work: (remember: Remember<T>) => Promise<T>): Promise<T> {
    const { key, body = { packageId: "small" }, customer_id = mine, boot_id = "boot_1" } = asked
    const headers = { ...(key !== undefined && { "idempotency-key": key }) }
    const request = requestOf(asked.path ?? path, { body, headers })
    const keyed: KeyedRequest = { customer_id, request, body }
    return answerOnce({ ...identity, boot_id }, keyed, work)
  }
  const rows = () => identity.store.read.all("SELECT * FROM remembered_answer")
  return { ...identity, mine, other, ask, rows }
}

/** Work that a test lets end; `started` when it runs. */
function gatedWork() {
  const started = Promise.withResolvers<void>()
  const end = Promise.withResolvers<string>()
  const work = () => {
    started.resolve()
    return end.promise
  }
  return { work, started: started.promise, end }
}

const refusal = (reason: Reason, code: string) => ({ reason, detail: { code, field: "idempotency-key" } })
const mismatch = refusal("unprocessable", "idempotency_mismatch")
const stillRunning = refusal("conflict", "idempotency_running")

describe("without a key", () => {
  test("the work runs each time, and nothing is remembered", async () => {
    const { ask, rows } = await open()
    const { work, count } = countedWork()
    expect([await ask({}, work), await ask({}, work)]).toMatchObject([{ number: 1 }, { number: 2 }])
    expect(count()).toBe(2)
    expect(await rows()).toEqual([])
  })

  test("remembering in the work's transaction does nothing", async () => {
    const { ask, rows, store } = await open()
    const work = (remember: Remember<string>) =>
      store.tx(async q => {
        await remember(q, "done")
        return "done"
      })
    expect(await ask({}, work)).toBe("done")
    expect(await rows()).toEqual([])
  })
})

describe("with a key", () => {
  test("a repeat is given the first answer, and the work runs once", async () => {
    const { ask } = await open()
    const { work, count } = countedWork()
    const first = await ask({ key: "k1" }, work)
    expect(await ask({ key: "k1" }, work)).toEqual(first)
    expect(first).toEqual({ number: 1, totalUsd: "1.50", none: null })
    expect(count()).toBe(1)
  })

  test("an answer of nothing is nothing again", async () => {
    const { ask } = await open()
    expect(await ask({ key: "k1" }, async () => undefined)).toBeUndefined()
    expect(await ask({ key: "k1" }, () => expect.unreachable())).toBeUndefined()
  })

  test("another key, and the same key of another customer, are other requests", async () => {
    const { ask, other } = await open()
    const { work, count } = countedWork()
    await ask({ key: "k1" }, work)
    await ask({ key: "k2" }, work)
    await ask({ key: "k1", customer_id: other }, work)
    expect(count()).toBe(3)
  })

  test.each([
    ["another body", { body: { packageId: "large" } }],
    ["a body that has nothing", { body: {} }],
    ["another endpoint", { path: "/api/v1/test/other" }],
  ])("%s is refused and runs nothing, also while the first one runs", async (_, changed) => {
    const { ask } = await open()
    const gate = Promise.withResolvers<string>()
    const first = ask({ key: "k1" }, () => gate.promise)
    const again = () => ask({ key: "k1", ...changed }, () => expect.unreachable())
    await expect(again()).rejects.toMatchObject(mismatch)
    gate.resolve("done")
    await first
    await expect(again()).rejects.toMatchObject(mismatch)
  })

  test("the query does not count: it carries nothing that an endpoint with a key reads", async () => {
    const { ask } = await open()
    const { work, count } = countedWork()
    await ask({ key: "k1" }, work)
    await ask({ key: "k1", path: `${path}?x=1` }, work)
    expect(count()).toBe(1)
  })

  const keys = ["", " ", "a b", "x".repeat(256), "schlüssel", "tab\there"]
  test.each(keys)("%p is no key", async key => {
    const { ask } = await open()
    await expect(ask({ key }, () => expect.unreachable())).rejects.toMatchObject(
      refusal("invalid", "invalid_idempotency_key"),
    )
  })

  test.each(["k", "x".repeat(255), '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "!~"])(
    "%p is one",
    async key => {
      const { ask } = await open()
      const { work, count } = countedWork()
      await ask({ key }, work)
      await ask({ key }, work)
      expect(count()).toBe(1)
    },
  )
})

describe("a refusal", () => {
  const refuse = (reason: Reason) => async () => {
    throw new AppError(reason, "Only $1.00 is available.", {
      code: "too_little",
      field: "packageId",
      extra: { availableUsd: "1.00" },
    })
  }

  test("is remembered, and given again as it was", async () => {
    const { ask, rows } = await open()
    const refused = {
      name: "AppError",
      reason: "payment_required",
      message: "Only $1.00 is available.",
      detail: { code: "too_little", field: "packageId", extra: { availableUsd: "1.00" } },
    }
    await expect(ask({ key: "k1" }, refuse("payment_required"))).rejects.toMatchObject(refused)
    const again = ask({ key: "k1" }, () => expect.unreachable())
    await expect(again).rejects.toMatchObject(refused)
    await expect(again).rejects.toBeInstanceOf(AppError)
    expect(await rows()).toMatchObject([{ status: 402 }])
  })

  test.each(["upstream", "unavailable", "internal", "rate_limited"] as const)(
    "for %s is not: a repeat works, also with another body",
    async reason => {
      const { ask, rows } = await open()
      await expect(ask({ key: "k1" }, refuse(reason))).rejects.toMatchObject({ reason })
      expect(await rows()).toEqual([])
      expect(await ask({ key: "k1", body: { packageId: "large" } }, async () => "done")).toBe("done")
    },
  )

  test("by a bug is not, and stays what it is", async () => {
    const { ask, rows } = await open()
    const bug = new TypeError("undefined is not an object")
    await expect(ask({ key: "k1" }, () => Promise.reject(bug))).rejects.toBe(bug)
    expect(await rows()).toEqual([])
  })
})

describe("while the first request runs", () => {
  test("a repeat is told to come back, and then given the answer", async () => {
    const { ask } = await open()
    const gate = Promise.withResolvers<string>()
    const first = ask({ key: "k1" }, () => gate.promise)
    const again = () => ask({ key: "k1" }, () => expect.unreachable())
    await expect(again()).rejects.toMatchObject(stillRunning)
    await expect(again()).rejects.toMatchObject({ detail: { retry_after_ms: 1_000 } })
    gate.resolve("done")
    expect(await first).toBe("done")
    expect(await again()).toBe("done")
  })

  test("a failure frees the key for the next one", async () => {
    const { ask } = await open()
    const { work, started, end } = gatedWork()
    const first = ask({ key: "k1" }, work)
    await started
    await expect(ask({ key: "k1" }, () => expect.unreachable())).rejects.toMatchObject(stillRunning)
    end.reject(new Error("connection reset"))
    await expect(first).rejects.toThrow("connection reset")
    expect(await ask({ key: "k1" }, async () => "second")).toBe("second")
  })
})

describe("a server that died", () => {
  const dead = { key: "k1", boot_id: "boot_0" }

  test("leaves a key that the next one takes over, and what it says late changes nothing", async () => {
    const { ask } = await open()
    const { work, started, end } = gatedWork()
    const late = ask(dead, work)
    await started
    expect(await ask({ key: "k1" }, async () => "second")).toBe("second")
    end.resolve("first")
    await late
    expect(await ask({ key: "k1" }, () => expect.unreachable())).toBe("second")
  })

  test("and failed late does not free the key that was taken over", async () => {
    const { ask } = await open()
    const [first, second] = [gatedWork(), gatedWork()]
    const late = ask(dead, first.work)
    await first.started
    const next = ask({ key: "k1" }, second.work)
    await second.started
    first.end.reject(new Error("lost"))
    await expect(late).rejects.toThrow("lost")
    await expect(ask({ key: "k1" }, () => expect.unreachable())).rejects.toMatchObject(stillRunning)
    second.end.resolve("second")
    expect(await next).toBe("second")
  })

  test("is not taken over by another body", async () => {
    const { ask } = await open()
    void ask(dead, () => new Promise(() => {}))
    const other = ask({ key: "k1", body: { packageId: "large" } }, () => expect.unreachable())
    await expect(other).rejects.toMatchObject(mismatch)
  })

  test("after it had answered is repeated word for word", async () => {
    const { ask } = await open()
    await ask(dead, async () => "first")
    expect(await ask({ key: "k1" }, () => expect.unreachable())).toBe("first")
  })
})

describe("an answer remembered in the work's own transaction", () => {
  test("is there when the server dies right after the commit", async () => {
    const { ask, store } = await open()
    const committed = Promise.withResolvers<void>()
    void ask({ key: "k1", boot_id: "boot_0" }, async (remember: Remember<string>) => {
      await store.tx(q => remember(q, "bought"))
      committed.resolve()
      return new Promise<string>(() => {})
    })
    await committed.promise
    expect(await ask({ key: "k1" }, () => expect.unreachable())).toBe("bought")
  })

  test("stays when what comes after the commit fails", async () => {
    const { ask, store } = await open()
    const failed = ask({ key: "k1" }, async (remember: Remember<string>) => {
      await store.tx(q => remember(q, "bought"))
      throw new Error("the answer could not be written")
    })
    await expect(failed).rejects.toThrow("the answer could not be written")
    expect(await ask({ key: "k1" }, () => expect.unreachable())).toBe("bought")
  })

  test("is undone with it", async () => {
    const { ask, store, rows } = await open()
    const undone = ask({ key: "k1" }, (remember: Remember<string>) =>
      store.tx(async q => {
        await remember(q, "bought")
        throw new Error("no credit")
      }),
    )
    await expect(undone).rejects.toThrow("no credit")
    expect(await rows()).toEqual([])
  })
})

test("when the answer cannot be written, a repeat does not do the work again", async () => {
  const { ask, store } = await open()
  await store.tx(q =>
    q.run(
      `CREATE TRIGGER full_disk BEFORE UPDATE ON remembered_answer
       BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`,
    ),
  )
  const { work, count } = countedWork()
  await expect(ask({ key: "k1" }, work)).rejects.toThrow("disk is full")
  await expect(ask({ key: "k1" }, work)).rejects.toMatchObject(stillRunning)
  expect(count()).toBe(1)
})

describe("after 24 hours", () => {
  test("a key is free again, also for another body", async () => {
    const { ask, clock } = await open()
    const { work, count } = countedWork()
    await ask({ key: "k1" }, work)
    clock.advance(DAY_MS - 1)
    await ask({ key: "k1" }, work)
    expect(count()).toBe(1)
    clock.advance(1)
    expect(await ask({ key: "k1", body: { packageId: "large" } }, work)).toMatchObject({ number: 2 })
    expect(await ask({ key: "k1", body: { packageId: "large" } }, work)).toMatchObject({ number: 2 })
  })

  test("forgetting deletes what is too old and nothing else", async () => {
    const { ask, clock, rows, ...needs } = await open()
    const { work } = countedWork()
    await ask({ key: "old" }, work)
    clock.advance(DAY_MS)
    await ask({ key: "new" }, work)
    expect(await forgetAnswers({ ...needs, clock, boot_id: "boot_1" })).toBe(1)
    expect(await rows()).toMatchObject([{ key: "new" }])
  })
})

describe("through the server", () => {
  test("fifty at once with one key run the work once; the others are told to wait or given its answer", async () => {
    for (let round = 0; round < 5; round++) {
      await using endpoint = await openKeyedEndpoint(Bun.sleep(1))
      const answers = await Promise.all(Array.from({ length: 50 }, () => endpoint.ask()))
      expect(endpoint.count()).toBe(1)
      const texts = await Promise.all(answers.map(answer => answer.text()))
      const statuses = answers.map(answer => answer.status)
      expect(statuses.filter(status => status === 200).length).toBeGreaterThan(0)
      expect(new Set(statuses).difference(new Set([200, 409]))).toEqual(new Set())
      for (const [index, text] of texts.entries()) {
        if (statuses[index] === 200) expect(JSON.parse(text)).toMatchObject({ number: 1 })
        else expect(JSON.parse(text)).toMatchObject({ code: "idempotency_running" })
      }
      const again = await endpoint.ask()
      expect(await again.json()).toMatchObject({ number: 1 })
    }
  })

  test("fifty at once that meet an answer are all given it", async () => {
    await using endpoint = await openKeyedEndpoint(Promise.resolve())
    await endpoint.ask()
    const answers = await Promise.all(Array.from({ length: 50 }, () => endpoint.ask()))
    expect(answers.map(answer => answer.status)).toEqual(Array(50).fill(200))
    expect(endpoint.count()).toBe(1)
  })

  test("the refusals are problems, with when to come back", async () => {
    const gate = Promise.withResolvers<void>()
    await using endpoint = await openKeyedEndpoint(gate.promise)
    const first = endpoint.ask()
    await Bun.sleep(1)
    const running = await endpoint.ask()
    expect([running.status, running.headers.get("retry-after")]).toEqual([409, "1"])
    gate.resolve()
    expect((await first).status).toBe(200)
    const other = await endpoint.ask({ body: { packageId: "large" } })
    expect([other.status, await other.json()]).toMatchObject([
      422,
      { code: "idempotency_mismatch", field: "idempotency-key" },
    ])
    const bad = await endpoint.ask({ headers: { "idempotency-key": "a b" } })
    expect([bad.status, await bad.json()]).toMatchObject([400, { code: "invalid_idempotency_key" }])
  })

  test("a body that is not valid, and a stranger, never reach the key", async () => {
    await using endpoint = await openKeyedEndpoint(Promise.resolve())
    expect((await endpoint.ask({ body: { packageId: "" } })).status).toBe(422)
    expect((await endpoint.ask({ body: "{" })).status).toBe(400)
    expect((await endpoint.ask({ key: "cxk_none" })).status).toBe(401)
    expect(await endpoint.rows()).toEqual([])
    expect((await endpoint.ask()).status).toBe(200)
  })
})
