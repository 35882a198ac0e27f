// Prepares the process of a command that is written in TypeScript. Plain JavaScript, because it must run in any Node.

/** Ends the process with one sentence. */
const refuse = (sentence) => {
  console.error(sentence);
  process.exit(1);
};

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  refuse(`Node ${process.versions.node} is too old: Node 20.19 or later is needed.`);
}
// SST's CLI fails at a quote or an asterisk, tsx at a question mark, Node at a backslash.
if (process.platform !== "win32" && /['*?\\]/.test(process.cwd())) {
  refuse(
    `SST cannot run in a folder whose path has one of ' * ? \\ in it. Move the project: ${process.cwd()}`,
  );
}
// Lambda's time zone is UTC, and a worker thread has its process's.
process.env.TZ = "UTC";
// A command's user can do nothing about the SDK's warning that Node 20 leaves its support.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
// `offline-aws synth | head` closes the pipe early, which is no error.
process.stdout.on("error", (error) => {
  if (error.code !== "EPIPE") throw error;
});
const { register } = await import("tsx/esm/api");
register();
