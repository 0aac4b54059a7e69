/** The bench's yardstick: the least that a proxy on Bun can do, with nothing read, checked or counted. */

const upstream = process.env.UPSTREAM_URL ?? ""

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT),
  idleTimeout: 0,
  async fetch(request) {
    if (request.url.endsWith("/health")) return new Response("ok")
    const answer = await fetch(`${upstream}${request.url.slice(request.url.indexOf("/v1/") + 3)}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer upstream" },
      body: await request.arrayBuffer(),
      decompress: false,
    })
    return new Response(answer.body, { status: answer.status, headers: answer.headers })
  },
})
