// One sentence for each thing that can be going on. Pure: what is shown depends on nothing but what is known.

/**
 * @typedef {object} Situation
 * @property {"connecting" | "open" | "lost"} connection
 * @property {boolean} answering
 * @property {"unknown" | "active" | "expired"} session
 * @property {boolean} keptByAnother refreshed although this tab is silent
 * @property {boolean} shared this tab was opened onto a session that another tab had started
 * @property {boolean} cameBack the connection has been lost and found again
 * @property {number} ttlMax milliseconds
 * @property {number | undefined} interval milliseconds between the last two heartbeats
 */

/**
 * @param {Situation} now
 * @returns {{ tone: "waiting" | "alive" | "silent" | "lost" | "expired", headline: string, sentence: string }}
 */
export function story(now) {
  const whole = spoken(now.ttlMax);
  if (now.session === "expired") {
    return {
      tone: "expired",
      headline: "Session expired",
      sentence: `Nobody answered for ${whole}, so the session store let go of the key and of all that was stored under it.`,
    };
  }
  if (now.connection === "lost") {
    return {
      tone: "lost",
      headline: "Connection lost, session not",
      sentence: "The store keeps the session while the client tries again. It has until the line runs out.",
    };
  }
  if (now.session === "unknown" || now.connection === "connecting") {
    return { tone: "waiting", headline: "Connecting", sentence: "The page opens a WebSocket to the server it came from." };
  }
  if (!now.answering && now.keptByAnother) {
    return {
      tone: "alive",
      headline: "Kept by another page",
      sentence: "This tab is silent, but another one answers for the same session.",
    };
  }
  if (!now.answering) {
    return {
      tone: "silent",
      headline: "Not answering",
      sentence: "The server goes on asking, the page keeps silent. Nothing refreshes the session any more.",
    };
  }
  const every = now.interval ? `Every ${spoken(now.interval)} the server` : "From time to time the server";
  return {
    tone: "alive",
    headline: now.cameBack ? "Back, with the same session" : now.shared ? "Alive, shared with another tab" : "Alive while this page is open",
    sentence: `${every} asks for the session key. The page answers by itself, and the session has ${whole} again.`,
  };
}

/** @param {number} ms */
export function spoken(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds === 1) return "1 second";
  return seconds >= 120 && seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`;
}
