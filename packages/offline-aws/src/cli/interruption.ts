/**
 * Aborted on Ctrl-C, when the process is asked to end, when its terminal closes, and once nobody reads what it prints. A
 * second Ctrl-C does not wait for a clean end.
 */
export const interruption = (): AbortSignal => {
  const controller = new AbortController();
  const end = () => controller.abort();
  const endNow = () => {
    if (controller.signal.aborted) process.exit(130);
    end();
  };
  process.on("SIGINT", endNow);
  process.on("SIGTERM", endNow);
  // A terminal that closes may say so twice, and takes what is printed with it.
  process.on("SIGHUP", end);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", end);
  return controller.signal;
};
