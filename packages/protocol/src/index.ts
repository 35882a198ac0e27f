export * from "./client-frame.js";
export * from "./connect.js";
export * from "./error.js";
export * from "./field.js";
export * from "./limit.js";
export * from "./server-frame.js";
