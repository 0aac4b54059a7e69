/** The release this executable is, from package.json. */
import { version } from "../../package.json"

export const VERSION: string = version
