// Writes what became of a pull request's preview into its one comment, which is known by a mark that is not shown.
import { call, main, pages, variable, verbatim } from "./github.mjs";

const mark = "<!-- lectern-preview -->";

const runUrl = () =>
  `${variable("GITHUB_SERVER_URL")}/${variable("GITHUB_REPOSITORY")}/actions/runs/${variable("GITHUB_RUN_ID")}`;

const removed = (stage) => `Preview \`${stage}\` is removed.`;

const notRemoved = (stage) => `Preview \`${stage}\` could **not be removed**: it still stands, and costs.

See [the run](${runUrl()}), and docs/runbook.md for a lock that was left behind. By hand:

\`\`\`sh
npm run remove -- --stage ${stage}
\`\`\``;

const deployed = (stage) => {
  const report = process.env.REPORT ?? "";
  const urls = Object.entries(JSON.parse(process.env.URLS || "{}"));
  const passed = process.env.DEPLOYED === "success";
  const [verdict = ""] = report.split("\n");
  const rows = [
    ["Commit", variable("COMMIT")],
    ...urls.map(([name, url]) => [name, `\`${url.replaceAll("`", "")}\``]),
    ["Verification", verdict || "not run"],
  ];
  return [
    passed
      ? `Preview \`${stage}\` is deployed and verified.`
      : `Preview \`${stage}\` **failed**: see [the run](${runUrl()}).`,
    [
      "| | |",
      "|---|---|",
      ...rows.map(([name, value]) => `| ${name} | ${value.replaceAll("|", "\\|")} |`),
    ].join("\n"),
    ...(report ? [`<details><summary>Report</summary>\n\n${verbatim(report)}\n\n</details>`] : []),
  ].join("\n\n");
};

const text = (stage) => {
  if (process.env.REMOVED === "success") return removed(stage);
  if (process.env.REMOVED !== "skipped") return notRemoved(stage);
  return deployed(stage);
};

await main(async () => {
  const number = variable("PULL_REQUEST");
  if (!/^\d+$/.test(number)) throw new Error(`${number} is no number of a pull request.`);
  const body = `${mark}\n${text(`pr-${number}`)}`;
  for await (const comment of pages(`issues/${number}/comments`)) {
    // Anybody can write the mark; what a person wrote is not ours to change.
    if (comment.user?.type === "Bot" && comment.body?.startsWith(mark)) {
      await call(`issues/comments/${comment.id}`, { method: "PATCH", body: { body } });
      return;
    }
  }
  // Where no preview was ever announced, its removal is no news.
  if (process.env.REMOVED === "success") return;
  await call(`issues/${number}/comments`, { method: "POST", body: { body } });
});
