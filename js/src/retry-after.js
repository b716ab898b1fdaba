/** How long a server that stops asks to be left alone, in milliseconds: `Go away! (retry after 1500 ms)`. */
export const retryAfter = (reason) => /\(retry after (\d+) ms\)$/.exec(reason)?.[1];
