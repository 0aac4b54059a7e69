/** Route tests as tables: one request a row, its answer, its events and no others, and no secret anywhere. */
import { expect, test } from "bun:test"
import { createAdminKey } from "../../src/auth/admin-keys.ts"
import { createToken } from "../../src/auth/tokens.ts"
import type { AnyEvent } from "../../src/platform/events.ts"
import {
  type AppOptions,
  openTestApp,
  type RequestOptions,
  type TestApp,
  type TestCustomer,
  UPSTREAM_KEY,
} from "./app.ts"
import { PASSWORD } from "./password.ts"

/** What a row may speak of: a server with two customers, of whom `mine` asks. */
export interface Scene extends TestApp {
  mine: TestCustomer
  other: TestCustomer
  admin_key: string
}

export interface Row {
  /** Completes a sentence that the table begins. */
  name: string
  ask: (scene: Scene) => RequestOptions & { path: string }
  status: number
  /** What the answer's JSON contains at least. */
  body?: (scene: Scene) => object
  /** Every event of the request, by name and part of its data; none unless told. */
  events?: (scene: Scene) => object[]
  /** The row fails, and is reported; when it passes, this must go. */
  is_known_bug?: boolean
  /** Looks at what else should be as it is. */
  after?: (scene: Scene, answer: { body: Record<string, unknown>; headers: Headers }) => unknown
}

/** On a server with two upstreams, unless `options` change that. */
export function testRows(rows: readonly Row[], options: AppOptions = {}): void {
  for (const row of rows) {
    const run = row.is_known_bug ? test.failing : test
    run(row.name, () => checkRow(row, options))
  }
}

async function checkRow(row: Row, options_of_app: AppOptions): Promise<void> {
  await using scene = await openScene(options_of_app)
  const { path, ...options } = row.ask(scene)
  const answer = await scene.send(path, options)
  const text = await answer.text()
  const shown = `${answer.status} ${text}`
  expect(shown).toStartWith(`${row.status} `)
  expect(answer.headers.get("x-request-id")).toMatch(/^req_[0-9a-z]{26}$/)
  const is_json = answer.headers.get("content-type")?.includes("json") ?? false
  // Read anew for every look: Bun's toMatchObject writes its matchers into what it looks at.
  const readBody = () => (is_json ? JSON.parse(text) : { text })
  if (row.status >= 400 && path.startsWith("/v1/")) expectOpenAiError(answer, readBody())
  else if (row.status >= 400) expectProblem(answer, readBody())
  if (row.body) expect(readBody()).toMatchObject(row.body(scene))
  const events = row.events?.(scene) ?? []
  expect(structuredClone(scene.events)).toMatchObject(events as AnyEvent[])
  expect(scene.events).toHaveLength(events.length)
  const told = JSON.stringify(scene.events) + scene.logs.join("") + (row.status >= 400 ? text : "")
  for (const secret of [...secretsOf(scene), options.key ?? ""]) {
    if (secret.length >= 8) expect(told).not.toContain(secret)
  }
  await row.after?.(scene, { body: readBody(), headers: answer.headers })
}

async function openScene(options: AppOptions): Promise<Scene> {
  const test_app = await openTestApp(options)
  const mine = await test_app.createCustomer()
  const other = await test_app.createCustomer()
  const { token } = await test_app.app.store.tx(q => createAdminKey(q, test_app.app, "operator"))
  return { ...test_app, mine, other, admin_key: token }
}

const secretsOf = ({ mine, other, admin_key }: Scene): string[] => [
  mine.key,
  mine.system_token,
  other.key,
  other.system_token,
  admin_key,
  PASSWORD,
  UPSTREAM_KEY,
]

/** RFC 9457, in full. */
function expectProblem(answer: Response, body: unknown): void {
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  expect(body).toMatchObject({
    type: expect.stringMatching(/^urn:codexapi:problem:[a-z_]+$/),
    title: expect.stringMatching(/^[A-Z]/),
    status: answer.status,
    code: expect.stringMatching(/^[a-z_]+$/),
    detail: expect.stringMatching(/.{8}/),
    requestId: answer.headers.get("x-request-id"),
  })
}

/** OpenAI's error object, in full. */
function expectOpenAiError(answer: Response, body: unknown): void {
  expect(answer.headers.get("content-type")).toBe("application/json")
  expect(body).toEqual({
    error: expect.objectContaining({
      message: expect.stringMatching(/.{8}/),
      type: expect.stringMatching(/^[a-z_]+$/),
      code: expect.stringMatching(/^[a-z_]+$/),
    }),
  })
}

export const refused = (reason: string, code: string) => ({ name: "request-refused", data: { reason, code } })

/** The rows that every endpoint with `api` access has. */
export function accessRows(path: string, options: RequestOptions = {}): Row[] {
  const row = (
    name: string,
    code: string,
    keyOf: (scene: Scene) => Partial<ReturnType<Row["ask"]>>,
  ): Row => ({
    name,
    ask: scene => ({ path, ...options, ...keyOf(scene) }),
    status: 401,
    body: () => (path.startsWith("/v1/") ? { error: { code, param: null } } : { code }),
    events: () => [refused("unauthorized", code)],
  })
  return [
    row("without a key: 401", "missing_api_key", () => ({})),
    row("with an unknown key: 401", "invalid_api_key", scene => ({
      key: createToken("user", scene.app.random),
    })),
    row("with a key that has a typo: 401", "invalid_api_key", scene => ({ key: withTypo(scene.mine.key) })),
    row("with the operator's key: 401", "invalid_api_key", scene => ({ key: scene.admin_key })),
    row("with a key in the query only: 401", "missing_api_key", scene => ({
      path: `${path}?api_key=${scene.mine.key}&access_token=${scene.mine.key}`,
    })),
  ]
}

const withTypo = (token: string): string => token.slice(0, -1) + (token.endsWith("0") ? "1" : "0")
