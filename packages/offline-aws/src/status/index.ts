export { createStatusState } from "./collect.js";
export { createRecorder } from "./recorder.js";
export { createStatusPage } from "./status-page.js";
