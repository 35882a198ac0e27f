import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, type Stage, startStage } from "./stage.js";

let project: string;
let stage: Stage;
const reloads: { kind: string; errors?: readonly { file: string; line: number; text: string }[] }[] = [];
let heard: () => void = () => undefined;
let programChanged: (file: string) => void = () => undefined;

/** A copy of the project whose handlers and infrastructure the tests edit. Everything else is linked. */
const copyProject = async (): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), "lectern-"));
  const link = (name: string) => symlink(path.join(root, name), path.join(folder, name));
  await mkdir(path.join(folder, "packages"));
  await mkdir(path.join(folder, ".sst"));
  await Promise.all([
    ...["node_modules", ".sst/platform"].map(link),
    cp(path.join(root, "sst.config.ts"), path.join(folder, "sst.config.ts")),
    cp(path.join(root, "infra"), path.join(folder, "infra"), { recursive: true }),
    cp(path.join(root, "packages/functions"), path.join(folder, "packages/functions"), {
      recursive: true,
      filter: (file) => !file.includes("node_modules"),
    }),
  ]);
  return folder;
};

beforeAll(async () => {
  project = await copyProject();
  stage = await startStage(
    {},
    {
      root: project,
      watch: true,
      observer: {
        onReload: (event) => {
          if (event.kind === "begun") return;
          reloads.push(event);
          heard();
        },
        onProgramChange: (file) => programChanged(file),
      },
    },
  );
});

afterAll(async () => {
  await stage?.stop();
  await rm(project, { recursive: true, force: true });
});

const edit = async (change: (source: string) => string): Promise<void> => {
  const file = path.join(project, "packages/functions/src/handler/heartbeat.ts");
  const reloaded = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const source = await readFile(file, "utf8");
  const edited = change(source);
  expect(edited).not.toBe(source);
  await writeFile(file, edited);
  await reloaded;
};

test("an edited handler answers the next frame on ten open sockets, and a broken edit keeps the last good code", async () => {
  const speaker = await stage.create();
  const listeners = await Promise.all(Array.from({ length: 9 }, () => stage.join(speaker.sessionId)));
  const everybody = [speaker, ...listeners];
  const beat = (type: "heartbeatAck" | "speakerReconnected") => {
    stage.stack.clock.advance(30_000);
    return Promise.all(everybody.map((client) => client.ask({ action: "heartbeat" }, type)));
  };
  await beat("heartbeatAck");

  await edit((source) =>
    source.replace(
      "Heartbeat.beat(core, requestContext)",
      '({ type: "speakerReconnected" as const, timestamp: 1, sessionId: "golden-eagle-427" })',
    ),
  );
  stage.stack.clock.advance(30_000);
  await speaker.ask({ action: "heartbeat" }, "speakerReconnected");
  await beat("speakerReconnected");

  await edit((source) => source.replace("frameHandler(", "frameHandler(("));
  expect(reloads.at(-1)).toMatchObject({
    kind: "failed",
    errors: [expect.objectContaining({ file: "packages/functions/src/handler/heartbeat.ts" })],
  });
  await beat("speakerReconnected");

  expect(await stage.rowsOf(speaker.sessionId)).toHaveLength(10);
  expect(everybody.every(({ socket }) => socket.readyState === socket.OPEN)).toBe(true);
  await speaker.leave();
});

test("a change of the infrastructure is reported, so that the stack can be restarted", async () => {
  const changed = new Promise<string>((resolve) => {
    programChanged = resolve;
  });
  const file = path.join(project, "infra/storage.ts");
  await writeFile(file, `${await readFile(file, "utf8")}\n`);
  expect(await changed).toBe("infra/storage.ts");
});
