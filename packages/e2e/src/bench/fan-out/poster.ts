import type { ServerFrame } from "@lectern/protocol";

/** As the fan-out of the service does it. */
const concurrency = 50;

const frame: ServerFrame = {
  type: "sessionEnded",
  timestamp: 1_790_000_000_000,
  sessionId: "golden-eagle-427",
  reason: "speakerLeft",
  message: "The speaker has left",
};

/** CPU time per post, in microseconds, round by round. */
export interface Posted {
  readonly cpuUs: readonly number[];
}

/**
 * Posts one frame to many connections, again and again, and tells the parent process what CPU time that took. Nothing
 * else happens in this process.
 */
export const runPoster = async (
  connect: (endpoint: string) => (connectionId: string, frame: ServerFrame) => Promise<unknown>,
): Promise<void> => {
  const [endpoint = "", posts = "", rounds = ""] = process.argv.slice(2);
  const ids = Array.from({ length: Number(posts) }, (_, index) => `Fan${String(index).padStart(11, "0")}A=`);
  const post = connect(endpoint);
  const cpuUs: number[] = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    const before = process.cpuUsage();
    const queue = ids.values();
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        for (const id of queue) await post(id, frame);
      }),
    );
    const { user, system } = process.cpuUsage(before);
    cpuUs.push((user + system) / ids.length);
  }
  const posted: Posted = { cpuUs };
  process.stdout.write(JSON.stringify(posted));
  process.exit(0);
};
