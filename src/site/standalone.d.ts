/** The embedded script of the API reference page: imported as a file, so its value is a path. */
declare module "*/standalone.js" {
  const path: string
  // biome-ignore lint/style/noDefaultExport: a `with { type: "file" }` import has only a default
  export default path
}
