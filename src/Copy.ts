/**
 * Copies a log into another store, under a pure function.
 */
export {}
