/** `/swagger`: the OpenAPI document of every documented route and a page to try them, offline. */
import { swagger } from "@elysiajs/swagger"
import { Elysia } from "elysia"
import scalar from "../../node_modules/@scalar/api-reference/dist/browser/standalone.js" with { type: "file" }
import { VERSION } from "../platform/version.ts"

/** Where the page loads its script from: this server, never a CDN. */
const SCRIPT_PATH = "/swagger/assets/api-reference.js"

export const docsRoutes = (needs: { config: { brand_name: string } }) =>
  new Elysia()
    .get(
      SCRIPT_PATH,
      () =>
        new Response(Bun.file(scalar), {
          headers: {
            "content-type": "text/javascript; charset=utf-8",
            "cache-control": "public, max-age=86400",
          },
        }),
      { detail: { hide: true } },
    )
    .use(
      swagger({
        path: "/swagger",
        scalarCDN: SCRIPT_PATH,
        // An empty proxy: without one Scalar may send what a customer tries, key and all, through its own.
        scalarConfig: { withDefaultFonts: false, telemetry: false, proxyUrl: "" } as object,
        documentation: {
          info: {
            title: `${needs.config.brand_name} API`,
            version: VERSION,
            description: "Metered, prepaid access to coding models.",
          },
          components: {
            securitySchemes: {
              bearer: { type: "http", scheme: "bearer", description: "System Token or User API Key" },
            },
          },
          security: [{ bearer: [] }],
        },
      }),
    )
