/** Asking other servers over HTTP, the third of the four seams that tests replace. */

/** The part of `fetch` that is used; it rejects when the server cannot be reached or the signal aborts. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>
