import { describe, expect, test } from "vitest";
import { repository, requests, sha, step, useGitHub } from "../testing/github-api";

useGitHub();

describe("the comment on a pull request", () => {
  const mark = "<!-- lectern-preview -->";
  const comment = (variables: Record<string, string>) =>
    step(["comment"], {
      PULL_REQUEST: "7",
      COMMIT: sha("d"),
      DEPLOYED: "skipped",
      REMOVED: "skipped",
      ...variables,
    });
  const deployed = {
    DEPLOYED: "success",
    URLS: '{"WebSocketAPIEndpoint":"wss://abc.execute-api.us-east-1.amazonaws.com/prod"}',
    REPORT: "Verified at the first try\n\n9 passed",
  };

  test("gives the preview's address and the result of its verification", async () => {
    expect((await comment(deployed)).code).toBe(0);
    expect(repository.comments.map(({ body }) => body)).toEqual([
      [
        mark,
        "Preview `pr-7` is deployed and verified.",
        "",
        "| | |",
        "|---|---|",
        `| Commit | ${sha("d")} |`,
        "| WebSocketAPIEndpoint | `wss://abc.execute-api.us-east-1.amazonaws.com/prod` |",
        "| Verification | Verified at the first try |",
        "",
        "<details><summary>Report</summary>",
        "",
        "```text",
        "Verified at the first try",
        "",
        "9 passed",
        "```",
        "",
        "</details>",
      ].join("\n"),
    ]);
  });

  test("is a single one, which later runs edit", async () => {
    await comment(deployed);
    await comment({ ...deployed, DEPLOYED: "failure", REPORT: "Not verified after 3 tries\n\n1 failed" });
    await comment({ REMOVED: "success" });
    expect(repository.comments.map(({ body }) => body)).toEqual([`${mark}\nPreview \`pr-7\` is removed.`]);
    expect(requests.filter((request) => !request.startsWith("GET"))).toEqual([
      "POST issues/7/comments",
      "PATCH issues/comments/1",
      "PATCH issues/comments/1",
    ]);
  });

  test("of a failure links the run and shows what is known", async () => {
    await comment({ DEPLOYED: "failure", URLS: "", REPORT: "" });
    const [{ body } = { body: "" }] = repository.comments;
    expect(body).toContain(
      "Preview `pr-7` **failed**: see [the run](https://github.com/acme/lectern/actions/runs/42).",
    );
    expect(body).toContain("| Verification | not run |");
    expect(body).not.toContain("<details>");
  });

  test("of a stage that could not be removed says that it still runs, and how to remove it", async () => {
    await comment({ REMOVED: "failure" });
    expect(repository.comments[0]?.body).toMatch(
      /could \*\*not be removed\*\*[\s\S]+npm run remove -- --stage pr-7/,
    );
  });

  test("is not created by a removal", async () => {
    expect((await comment({ REMOVED: "success" })).code).toBe(0);
    expect(repository.comments).toEqual([]);
  });

  test("leaves a person's comment alone, even with the mark", async () => {
    const person = { id: 1, user: { type: "User" }, body: `${mark} mine` };
    repository.comments.push({ ...person });
    await comment(deployed);
    expect(repository.comments).toHaveLength(2);
    expect(repository.comments[0]).toEqual(person);
  });

  test("is found after a hundred others", async () => {
    const others = Array.from({ length: 100 }, (_, index) => ({
      id: 1_000 + index,
      user: { type: "User" },
      body: "hm",
    }));
    repository.comments.push(...others, { id: 5, user: { type: "Bot" }, body: `${mark}\nold` });
    await comment(deployed);
    expect(repository.comments).toHaveLength(101);
    expect(repository.comments.at(-1)?.body).toContain("is deployed and verified");
  });

  test("shows any report as plain text", async () => {
    await comment({ ...deployed, REPORT: "````\n</details> @everyone" });
    expect(repository.comments[0]?.body).toContain("`````text\n````\n</details> @everyone\n`````");
  });

  test("is refused without a number", async () => {
    const { code, log } = await comment({ ...deployed, PULL_REQUEST: "7/../1" });
    expect(code).toBe(1);
    expect(log).toContain("::error::7/../1 is not the number of a pull request.");
    expect(requests).toEqual([]);
  });
});
