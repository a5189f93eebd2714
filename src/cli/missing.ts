/**
 * Packages that are not installed: what the command line needs beside `effect` is optional for users of the library.
 */

/** The package that could not be loaded, if that is what went wrong. */
export const packageOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND"
    ? /Cannot find package '([^']+)'/.exec(error.message)?.[1]
    : undefined
