import { StringDecoder } from "node:string_decoder";

export type Stream = "stdout" | "stderr";

/**
 * Takes over what this thread writes to stdout and stderr, line by line. A worker's own streams reach the main
 * thread some time later; lines handed over here go ahead of the invocation's reply. Returns the function that
 * hands over an unfinished last line.
 */
export const captureOutput = (onLine: (stream: Stream, text: string) => void): (() => void) => {
  const flushes = [capture("stdout", onLine), capture("stderr", onLine)];
  return () => {
    for (const flush of flushes) flush();
  };
};

const capture = (stream: Stream, onLine: (stream: Stream, text: string) => void): (() => void) => {
  const decoder = new StringDecoder("utf8");
  let unfinished = "";
  type Callback = (error?: Error | null) => void;
  process[stream].write = (
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | Callback,
    callback?: Callback,
  ): boolean => {
    const text = typeof chunk === "string" ? chunk : decoder.write(Buffer.from(chunk));
    const lines = (unfinished + text).split("\n");
    unfinished = lines.pop() ?? "";
    for (const line of lines) onLine(stream, line);
    const written = typeof encoding === "function" ? encoding : callback;
    if (written) process.nextTick(written);
    return true;
  };
  return () => {
    if (unfinished) onLine(stream, unfinished);
    unfinished = "";
  };
};
