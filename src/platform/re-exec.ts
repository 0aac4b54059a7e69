/** Starts the executable anew in the same process with an environment that Bun reads only at its own start. */
import { dlopen, FFIType, ptr } from "bun:ffi"

/** Bun lets 256 fetches run at once unless this says otherwise; setting it later has no effect (stack.md). */
const VARIABLE = "BUN_CONFIG_MAX_HTTP_REQUESTS"
const MOST_REQUESTS = "65336"

/**
 * Replaces the running process by itself with the variable set: same process id, about 30 ms. Does nothing
 * when it is set already, in the source tree, or where the C library cannot be reached: then 256 stays.
 */
export function raiseRequestLimit(env: Record<string, string | undefined>): void {
  if (env[VARIABLE] !== undefined || !Bun.main.startsWith("/$bunfs")) return
  const variables = Object.entries({ ...env, [VARIABLE]: MOST_REQUESTS }).map(
    ([name, value]) => `${name}=${value}`,
  )
  try {
    const libc = dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
      execve: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    })
    const path = cString(process.execPath)
    const argv = cStrings([process.execPath, ...process.argv.slice(2)])
    const envp = cStrings(variables)
    libc.symbols.execve(ptr(path), ptr(argv.pointers), ptr(envp.pointers))
  } catch {
    // No glibc here: the server runs with Bun's own limit, as `doctor` says.
  }
}

const cString = (text: string) => Buffer.from(`${text}\0`)

/** A NULL-terminated array of C strings; the buffers are returned so that they stay alive during the call. */
function cStrings(texts: readonly string[]) {
  const buffers = texts.map(cString)
  const pointers = new BigUint64Array(texts.length + 1)
  for (const [index, buffer] of buffers.entries()) pointers[index] = BigInt(ptr(buffer))
  return { pointers, buffers }
}
