// Sets the outputs for the pull request's comment: the stage's addresses, and the report of the verification.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { main, output, variable } from "./step.mjs";

const longest = 20_000;

const read = (file) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);

await main(async () => {
  const outputs = JSON.parse(read("app/.sst/outputs.json") ?? "{}");
  const urls = Object.entries(outputs).filter(([, value]) => /^(https|wss):\/\/\S+$/.test(value));
  output("urls", JSON.stringify(Object.fromEntries(urls)));
  output(
    "report",
    (read(path.join(variable("RUNNER_TEMP"), "verification.txt")) ?? "").slice(0, longest).trim(),
  );
});
