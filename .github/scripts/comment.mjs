// Writes the result of a pull request's preview into one comment. An invisible mark identifies the comment.
import { call, main, pages, variable, verbatim } from "./step.mjs";

const mark = "<!-- lectern-preview -->";

const runUrl = () =>
  `${variable("GITHUB_SERVER_URL")}/${variable("GITHUB_REPOSITORY")}/actions/runs/${variable("GITHUB_RUN_ID")}`;

const removed = (stage) => `Preview \`${stage}\` is removed.`;

const notRemoved = (stage) => `Preview \`${stage}\` could **not be removed**. It still runs, and costs.

See [the run](${runUrl()}), and docs/runbook.md for a lock that was left behind. To remove it by hand:

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
  if (!/^\d+$/.test(number)) throw new Error(`${number} is not the number of a pull request.`);
  const body = `${mark}\n${text(`pr-${number}`)}`;
  for await (const comment of pages(`issues/${number}/comments`)) {
    // Anybody can write the mark, so a person's comment is left alone.
    if (comment.user?.type === "Bot" && comment.body?.startsWith(mark)) {
      await call(`issues/comments/${comment.id}`, { method: "PATCH", body: { body } });
      return;
    }
  }
  // Without an earlier comment there was no preview to announce.
  if (process.env.REMOVED === "success") return;
  await call(`issues/${number}/comments`, { method: "POST", body: { body } });
});
