// Keeps one place in a session: sends heartbeats, refreshes the connection before it is cut, reconnects when it is lost.
// Runs as it is in browsers and Node 22. In Node 20, pass the WebSocket of the package `ws`.

const welcomes = ["sessionCreated", "sessionJoined", "connectionRefreshComplete"];
const welcomeMs = 5_000; // without a welcome in this time, connect again
const goodMs = 60_000; // after a connection that lived this long, waits start small again
// Each wait is random, up to a bound that doubles with each failure. A session waits only half a minute for its speaker.
// A refresh has many minutes, but its ticket is good for five attempts only.
const waits = {
  enter: { firstMs: 1_000, longestMs: 30_000 },
  enterAsLostSpeaker: { firstMs: 1_000, longestMs: 5_000 },
  refresh: { firstMs: 5_000, longestMs: 120_000 },
};
const leaving = 1000; // a speaker who closes with 1000, or without a code, ends the session
const comingBack = 4000;

/** Calls the application after the work here is done, so that an error in its code stops nothing. */
const tell = (callback, ...said) => queueMicrotask(() => callback(...said));

const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Lectern sends JSON only
  }
};

const inTime = (promise, why) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(why)), welcomeMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/**
 * One connection, from its handshake to its end. Calls `onWelcome` once, `onFrame` for every frame but a refusal, and
 * `onLost` once, with the refusal if there was one. Calls nothing after `close`.
 */
const connect = ({ WebSocket, url, query, protocols, heartbeatMs, onWelcome, onFrame, onLost }) => {
  const socket = new WebSocket(`${url}?${new URLSearchParams({ ...query, errors: "frame" })}`, protocols);
  let state = "opening"; // then "welcomed", at last "closed"
  let unanswered = false;
  let beat;

  const send = (frame) => socket.send(JSON.stringify(frame));

  const close = (code) => {
    state = "closed";
    clearTimeout(patience);
    clearInterval(beat);
    socket.onmessage = null;
    if (code !== leaving || socket.readyState !== 0) return socket.close(code);
    // Closing an opening socket cuts it off, and the speaker would count as lost. So let it open first.
    const abort = setTimeout(() => socket.close(), welcomeMs);
    socket.onopen = () => socket.close(code);
    socket.onclose = () => clearTimeout(abort);
  };

  // Do not wait until the socket has closed: on a dead network that takes minutes.
  const lose = (why, refusal) => {
    if (state === "closed") return;
    close(comingBack);
    onLost(why, refusal);
  };
  const patience = setTimeout(() => lose("no welcome"), welcomeMs);

  const heartbeat = () => {
    if (unanswered) return lose("no answer");
    unanswered = true;
    send({ action: "heartbeat" });
  };

  socket.onmessage = ({ data }) => {
    const frame = parse(data);
    if (!frame) return;
    unanswered = false;
    if (state === "opening" && frame.type === "error") return lose(`${frame.code}: ${frame.message}`, frame);
    if (state === "opening" && welcomes.includes(frame.type)) {
      state = "welcomed";
      clearTimeout(patience);
      beat = setInterval(heartbeat, heartbeatMs);
      onWelcome(frame);
    }
    onFrame(frame);
  };
  socket.onerror = ({ message }) => message && lose(message); // the package `ws` reports the handshake's status
  socket.onclose = ({ code }) => lose(`closed with ${code}`);

  // The server closes a replaced connection, unless the ticket was not good: then nobody else does.
  const retire = () => {
    clearInterval(beat);
    if (state === "welcomed") beat = setTimeout(close, welcomeMs, leaving);
  };

  return { openedAt: Date.now(), send, close, retire };
};

/**
 * @param {object} options
 * @param {string} options.url where to connect, without a query
 * @param {Record<string, string>} options.query an `action` and its parameters
 * @param {() => string | undefined | Promise<string | undefined>} [options.token] returns a speaker's valid token.
 *   Undefined ends everything: nobody is signed in. After a rejection it is called again, after a wait
 * @param {(frame: object) => void} options.onFrame gets every frame but refusals to connect. Ignore unknown types, and
 *   API Gateway's own frames, which have no type
 * @param {(why: string, waitMs: number) => void} options.onLost the connection is lost; the next attempt follows the wait
 * @param {(frame: object) => void} options.onOver it is over for good; the frame is `sessionEnded` or `error`
 * @param {number} [options.heartbeatMs] time between two heartbeats; 30,000 by default
 * @param {typeof WebSocket} [options.WebSocket]
 * @throws {TypeError} when `url` is malformed, or no WebSocket exists
 */
export const stayConnected = ({ url, query, token, onFrame, onLost, onOver, ...rest }) => {
  const { heartbeatMs = 30_000, WebSocket = globalThis.WebSocket } = rest;
  new URL(url);
  if (!WebSocket) throw new TypeError("There is no WebSocket: hand over the one of the package ws");
  const speaks = query.action === "createSession" || query.role === "speaker";
  const connections = new Set(); // every connection that may be open, replaced ones too
  const outbox = [];
  let current; // the connection that holds the place
  let next; // the attempt to `enter` or `refresh`; it has a `timer` while it waits
  let required; // the newest `connectionRefreshRequired`
  let place; // of the newest welcome: with its ticket a lost client takes it back
  const failures = { enter: 0, refresh: 0 };
  let renewed = false; // whether a fresh token was tried since the last welcome

  const isOnItsWay = () => next && !next.timer;

  // Hold frames back while a refresh runs: the server may refuse them on the old connection.
  const flush = () => {
    if (!current || isOnItsWay()) return;
    for (const frame of outbox.splice(0)) current.send(frame);
  };

  const stop = () => {
    clearTimeout(next?.timer);
    next = undefined;
    globalThis.removeEventListener?.("online", hurry);
    for (const connection of connections) connection.close(leaving);
  };

  const finish = (frame) => {
    stop();
    tell(onOver, frame);
  };

  const later = (kind, { retryAfter = 0 } = {}) => {
    const isUrgent = kind === "enter" && speaks && place;
    const { firstMs, longestMs } = waits[isUrgent ? "enterAsLostSpeaker" : kind];
    const bound = Math.min(longestMs, firstMs * 2 ** failures[kind]);
    const waitMs = 1_000 * retryAfter + Math.random() * bound;
    failures[kind] += 1;
    const mayHurry = kind === "enter" && retryAfter === 0;
    next = { kind, mayHurry, timer: setTimeout(start, waitMs, kind) };
    return waitMs;
  };

  const comeBack = (why, refusal) => tell(onLost, why, later("enter", refusal));

  // Called when the browser is online again.
  const hurry = () => {
    if (!next?.timer || !next.mayHurry) return;
    clearTimeout(next.timer);
    start("enter");
  };

  const refresh = ({ sessionId, targetLanguage, ticket }) => ({
    action: "refreshConnection",
    role: speaks ? "speaker" : "listener",
    sessionId,
    ...(targetLanguage && { targetLanguage }),
    ...(ticket && { ticket }),
  });

  const start = async (kind) => {
    const mine = { kind };
    next = mine;
    try {
      const bearer = token && (await inTime(token(), "no token"));
      if (next !== mine) return;
      if (token && !bearer) return failed(mine, "no token", refused("UNAUTHORIZED", "Nobody is signed in"));
      open(mine, bearer ? ["lectern.v1", `bearer.${bearer}`] : []);
    } catch (error) {
      failed(mine, `${error?.message ?? error}`);
    }
  };

  const open = (mine, protocols) => {
    const isRefresh = mine.kind === "refresh";
    const at = (isRefresh && required.url) || url;
    try {
      const connection = connect({
        WebSocket,
        url: at,
        query: isRefresh ? refresh(required) : place ? refresh(place) : query,
        protocols,
        heartbeatMs,
        onWelcome: (frame) => welcomed(connection, at, frame),
        onFrame: (frame) => came(connection, frame),
        onLost: (why, refusal) => {
          connections.delete(connection);
          if (connection === current) lost(why);
          else failed(mine, why, refusal);
        },
      });
      connections.add(connection);
    } catch (error) {
      failed(mine, error.message, refused("INVALID_PARAMETERS", error.message));
    }
  };

  const welcomed = (connection, at, frame) => {
    current?.retire();
    current = connection;
    next = undefined;
    renewed = false;
    url = at;
    place = frame;
    flush();
  };

  const came = (connection, frame) => {
    const isReplaced = frame.type === "error" && frame.details?.reason === "replaced";
    // During a refresh, the new connection may be our own: wait for its result.
    if (isReplaced) return connection === current && !isOnItsWay() && finish(frame);
    tell(onFrame, frame);
    if (frame.type === "sessionEnded") return finish(frame);
    if (frame.type !== "connectionRefreshRequired" || connection !== current) return;
    required = frame;
    if (next) return;
    failures.refresh = 0;
    start("refresh");
  };

  const lost = (why) => {
    if (Date.now() - current.openedAt > goodMs) failures.enter = 0;
    current = undefined;
    if (isOnItsWay()) return; // the attempt succeeds, or fails by itself
    clearTimeout(next?.timer);
    comeBack(why);
  };

  const failed = (mine, why, refusal) => {
    if (next !== mine) return; // the late close of a connection that was replaced
    next = undefined;
    const mayRenew = refusal?.code === "TOKEN_EXPIRED" && token && !renewed;
    if (mayRenew) renewed = true;
    const isFinal = refusal?.retryable === false && !mayRenew;
    if (current) {
      // The current connection goes on. After a final refusal, wait for the next `connectionRefreshRequired`.
      if (!isFinal) later("refresh", refusal);
      return flush();
    }
    if (!isFinal || mine.kind === "refresh") return comeBack(why, refusal);
    const hasEnded = refusal.code === "SESSION_NOT_FOUND" && place;
    finish(
      hasEnded
        ? { type: "sessionEnded", sessionId: place.sessionId, message: "The session has ended" }
        : refusal,
    );
  };

  globalThis.addEventListener?.("online", hurry);
  start("enter");
  return {
    send: (frame) => {
      outbox.push(frame);
      flush();
    },
    leave: stop,
  };
};

/** The client's own refusal, in the form of the server's. */
const refused = (code, message) => ({ type: "error", code, message, retryable: false });
