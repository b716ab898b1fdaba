/** Errors in a page's callbacks are the page's: they go where its uncaught errors go, and break nothing here. */
export function report(error) {
  (globalThis.reportError ?? console.error)(error);
}
