/** Password hashing: Argon2id, a few at a time, the same work for unknown users. */
import { AppError } from "../platform/errors.ts"

const SHORTEST = 10
const LONGEST = 128
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const
/** Each costs about 0.1 s of a core and 19 MiB. */
const LARGEST_CONCURRENCY = 2

/** A hash of no password, verified when the user is unknown so that both cases take the same time. */
let decoy: Promise<string> | undefined
let running = 0
const waiting: (() => void)[] = []

/** Throws `invalid` unless a password has 10 to 128 characters. */
export function assertPassword(password: string): void {
  if (password.length >= SHORTEST && password.length <= LONGEST) return
  throw new AppError("invalid", `A password has ${SHORTEST} to ${LONGEST} characters.`, { field: "password" })
}

export const hashPassword = (password: string): Promise<string> =>
  oneOfFew(() => Bun.password.hash(password, ARGON2ID))

/** Verifies a password against a stored hash; without one it does the same work and answers false. */
export function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  return oneOfFew(async () => {
    decoy ??= Bun.password.hash("no such user", ARGON2ID)
    const isSame = await Bun.password.verify(password, hash ?? (await decoy))
    return isSame && hash !== undefined
  })
}

async function oneOfFew<T>(work: () => Promise<T>): Promise<T> {
  if (running >= LARGEST_CONCURRENCY) await new Promise<void>(resolve => waiting.push(resolve))
  running += 1
  try {
    return await work()
  } finally {
    running -= 1
    waiting.shift()?.()
  }
}
