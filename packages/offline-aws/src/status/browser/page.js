import { showAlarms, showNotifications } from "./alarms.js";
import { time } from "./format.js";
import { clearLog, lastLine, showLogs } from "./log.js";
import { showFacts, showFunctions, showMetrics, showProgram } from "./stack.js";
import { showTables } from "./tables.js";

const refreshMs = 1000;

const panels = [
  showFacts,
  showTables,
  showFunctions,
  showAlarms,
  showNotifications,
  showMetrics,
  showProgram,
];

const paints = { live: "good", lost: "bad" };

const pulse = (state, text) => {
  const element = document.querySelector(".pulse");
  element.dataset.state = state;
  element.className = `pulse ${paints[state] ?? "quiet"}`;
  element.textContent = `● ${text}`;
};

const read = async () => {
  const response = await fetch(`/_local/state.json?after=${lastLine()}`, {
    signal: AbortSignal.timeout(5000),
  });
  if (!response.ok) throw new Error(`The stack answered ${response.status}`);
  return response.json();
};

let startedAt;

const refresh = async () => {
  let state = await read();
  if (startedAt !== undefined && startedAt !== state.startedAt) {
    clearLog();
    state = await read();
  }
  startedAt = state.startedAt;
  for (const show of panels) show(state);
  showLogs(state);
  pulse("live", time(state.now));
};

let timer;
let running = false;

const run = async () => {
  if (running) return;
  running = true;
  clearTimeout(timer);
  try {
    await refresh();
  } catch (error) {
    pulse("lost", error instanceof TypeError ? "the stack does not answer" : error.message);
  }
  running = false;
  if (document.hidden) pulse("paused", "paused");
  else timer = setTimeout(run, refreshMs);
};

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) run();
});
run();
