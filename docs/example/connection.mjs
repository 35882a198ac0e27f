// Keeps one place in a session: beats, refreshes the connection before it is cut, comes back when it is lost.
// For browsers and Node 22 as it is; in Node 20 hand it the WebSocket of the package `ws`.

const welcomes = ["sessionCreated", "sessionJoined", "connectionRefreshComplete"];
const welcomeMs = 5_000; // no welcome in this time: connect again
const goodMs = 60_000; // after a connection that lived this long, waits start small again
const longestWaitMs = 30_000;
const comingBack = 4000; // with 1000 or no code at all a speaker leaves for good, and the session ends

/**
 * @param {object} options
 * @param {string} options.url where to connect, without a query
 * @param {Record<string, string>} options.query an `action`, and what belongs to it
 * @param {() => string | Promise<string>} [options.token] a speaker's: a token that is good now
 * @param {(frame: object) => void} options.onFrame gets every frame; ignore types that you do not know
 * @param {(why: string, waitMs: number) => void} options.onLost the connection is lost; the next try is after this wait
 * @param {(frame: object) => void} options.onOver for good, by this `sessionEnded` or `error`
 * @param {number} [options.heartbeatMs] between two heartbeats
 * @param {typeof WebSocket} [options.WebSocket]
 */
export const stayConnected = ({ url, query, token, onFrame, onLost, onOver, ...rest }) => {
  const { heartbeatMs = 30_000, WebSocket = globalThis.WebSocket } = rest;
  const sockets = new Set();
  const outbox = [];
  let current; // the one that has the place
  let refreshing = false; // another is about to take the place over
  let required; // the newest frame that asks for that
  let waiting; // the timer of the next try
  let sessionId;
  let failures = 0;
  let over = false;

  // Not while the place changes hands: a speaker's wish on the old connection might be refused.
  const flush = () => {
    if (!current || refreshing) return;
    for (const frame of outbox.splice(0)) current.send(JSON.stringify(frame));
  };

  const stop = () => {
    over = true;
    clearTimeout(waiting);
  };

  const finish = (frame) => {
    stop();
    onOver(frame);
  };

  const later = (next, leastMs) => {
    const waitMs = leastMs + Math.random() * Math.min(longestWaitMs, 1_000 * 2 ** failures);
    failures += 1;
    waiting = setTimeout(() => {
      waiting = undefined;
      next();
    }, waitMs);
    return waitMs;
  };

  const refresh = () => {
    refreshing = true;
    const { role, targetLanguage, ticket, url: at = url } = required;
    const place = { action: "refreshConnection", role, sessionId, ticket };
    start({ query: targetLanguage ? { ...place, targetLanguage } : place, at, isRefresh: true });
  };

  // An attempt has failed; without one, the connection that had the place is lost.
  const fail = (attempt, why, refusal) => {
    if (over) return;
    const leastMs = 1_000 * (refusal?.retryAfter ?? 0);
    const isFinal = refusal?.retryable === false;
    if (attempt?.isRefresh) {
      refreshing = false;
      // The old connection goes on meanwhile.
      if (current && !isFinal) later(refresh, leastMs);
    }
    if (current) return flush();
    if (refreshing) return; // that attempt will come through, or fail itself
    if (isFinal) return finish(refusal);
    if (waiting) {
      // For a refresh, which is moot: what it failed of says nothing of coming back.
      clearTimeout(waiting);
      failures = 0;
    }
    // A speaker takes the session over, once there is one; a listener joins again.
    const back = token && sessionId ? { action: "refreshConnection", role: "speaker", sessionId } : query;
    onLost(
      why,
      later(() => start({ query: back, at: url }), leastMs),
    );
  };

  const bearer = async () => {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("no token")), welcomeMs);
    });
    try {
      return `bearer.${await Promise.race([token(), late])}`;
    } finally {
      clearTimeout(timer);
    }
  };

  const start = async (attempt) => {
    try {
      const protocols = token ? ["lectern.v1", await bearer()] : [];
      if (!over) open(attempt, protocols);
    } catch (error) {
      fail(attempt, error.message);
    }
  };

  const open = (attempt, protocols) => {
    const asked = new URLSearchParams({ ...attempt.query, errors: "frame" });
    const socket = new WebSocket(`${attempt.at}?${asked}`, protocols);
    sockets.add(socket);
    const openedAt = Date.now();
    let welcomed = false;
    let unanswered = false;
    let refusal;
    let beat;

    // At once, not when the socket has closed: on a dead network that takes minutes.
    const lose = (why) => {
      if (!sockets.delete(socket)) return;
      clearTimeout(patience);
      clearInterval(beat);
      socket.onmessage = null;
      socket.close(comingBack);
      if (current === socket) current = undefined;
      if (welcomed && Date.now() - openedAt > goodMs) failures = 0;
      fail(welcomed ? undefined : attempt, why, refusal);
    };
    const patience = setTimeout(lose, welcomeMs, "no welcome");

    const heartbeat = () => {
      if (socket !== current) return clearInterval(beat);
      if (unanswered) return lose("no answer");
      unanswered = true;
      socket.send(JSON.stringify({ action: "heartbeat" }));
    };

    const welcome = (frame) => {
      welcomed = true;
      clearTimeout(patience);
      beat = setInterval(heartbeat, heartbeatMs);
      ({ sessionId } = frame);
      url = attempt.at;
      if (attempt.isRefresh) refreshing = false;
      // What was replaced, the server closes. After an ordinary join, for a ticket that was too old, we do.
      if (frame.type === "sessionJoined") current?.close();
      current = socket;
      flush();
    };

    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      unanswered = false;
      if (!frame.type) return; // API Gateway's own: a request failed, the next heartbeat will show
      if (!welcomed && welcomes.includes(frame.type)) welcome(frame);
      if (!welcomed && frame.type === "error") refusal = frame;
      onFrame(frame);
      if (frame.type === "sessionEnded" && !over) finish(frame);
      if (frame.type !== "connectionRefreshRequired" || socket !== current) return;
      required = frame;
      if (!refreshing && !waiting) refresh();
    };
    socket.onerror = ({ message }) => message && lose(message); // in Node it names the handshake's status
    socket.onclose = ({ code }) => lose(`closed with ${code}`);
  };

  start({ query, at: url });
  return {
    send: (frame) => {
      outbox.push(frame);
      flush();
    },
    leave: () => {
      stop();
      for (const socket of sockets) socket.close(1000);
    },
  };
};
