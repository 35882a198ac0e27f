export { createStatusState } from "./collect.js";
export { createRecorder, type Recorder } from "./recorder.js";
export { createStatusPage } from "./status-page.js";
