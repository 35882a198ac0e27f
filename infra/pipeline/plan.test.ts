import { describe, expect, test } from "vitest";
import {
  address,
  checked,
  failed,
  passed,
  repository,
  requests,
  sha,
  step,
  useGitHub,
} from "../testing/github-api";

useGitHub();

describe("the plan of a deployment", () => {
  const plan = (ref: string, variables: Record<string, string> = {}) =>
    step(["plan"], { ENVIRONMENT: "staging", REF: ref, BRANCH: "main", ...variables });

  test("of a stage's first deployment has no rollback, and says why", async () => {
    const { code, outputs } = await plan(sha("d"));
    expect(code).toBe(0);
    expect(outputs).toEqual({ commit: sha("d"), back: "", "why-not": "no commit has passed before" });
  });

  test("rolls back to the newest commit that passed, skipping failures and other environments", async () => {
    repository.deployments = {
      prod: [passed(sha("a"))],
      staging: [failed(sha("d")), failed(sha("c")), passed(sha("b")), passed(sha("a"))],
    };
    expect((await plan(sha("d"))).outputs).toMatchObject({ commit: sha("d"), back: sha("b") });
  });

  test("counts a success that a later one set inactive", async () => {
    const superseded = [{ state: "inactive" }, { state: "success" }, { state: "in_progress" }];
    repository.deployments = { staging: [failed(sha("c")), { sha: sha("b"), statuses: superseded }] };
    expect((await plan(sha("d"))).outputs.back).toBe(sha("b"));
  });

  test("skips the deployment of its own job", async () => {
    const running = { sha: sha("d"), statuses: [{ state: "in_progress" }, { state: "queued" }] };
    repository.deployments = { staging: [running, passed(sha("c"))] };
    expect((await plan(sha("d"))).outputs.back).toBe(sha("c"));
  });

  test("rolls back to a commit deployed by hand, not to the commit that GitHub notes for that run", async () => {
    const byHand = { sha: sha("c"), statuses: [{ state: "success", environment_url: address(sha("a")) }] };
    repository.deployments = { staging: [byHand, passed(sha("b"))] };
    expect((await plan(sha("d"))).outputs.back).toBe(sha("a"));
  });

  const recorded = (url: string) => ({
    sha: sha("d"),
    statuses: [{ state: "success", environment_url: url }],
  });

  test.each([
    ["was never merged", sha("e"), `${sha("e")} is not in the history of main`],
    ["is no commit of the repository", sha("9"), `${sha("9")} is not in the history of main`],
    ["did not pass its checks", sha("c"), `The checks of ${sha("c")} on main have not passed`],
  ])("never rolls back to a recorded commit that %s", async (_, forged, why) => {
    repository.refs = { feature: sha("e") };
    repository.passedChecks = ["a", "b", "d"].map(sha).map(checked);
    repository.deployments = { staging: [recorded(address(forged)), passed(sha("b"))] };
    const { outputs, log } = await plan(sha("d"));
    expect(outputs).toMatchObject({ commit: sha("d"), back: sha("b") });
    expect(log).toContain(`::warning::Deployment 0 is skipped: ${why}`);
    repository.deployments = { staging: [recorded(address(forged))] };
    expect((await plan(sha("d"))).outputs).toMatchObject({ back: "" });
  });

  test("of the commit that passed last has no rollback: no other commit is known to be better", async () => {
    repository.deployments = { staging: [passed(sha("d")), passed(sha("c"))] };
    expect((await plan(sha("d"))).outputs).toEqual({
      commit: sha("d"),
      back: "",
      "why-not": "this is the last commit that passed",
    });
  });

  test("finds a success behind a whole page of failures", async () => {
    const failures = Array.from({ length: 120 }, () => failed(sha("c")));
    repository.deployments = { staging: [...failures, passed(sha("b"))] };
    expect((await plan(sha("d"))).outputs.back).toBe(sha("b"));
  });

  test("takes a tag, a branch with a slash, or the first digits of a commit", async () => {
    repository.refs = { "v1.2": sha("b"), "release/one": sha("c") };
    const by = { GITHUB_EVENT_NAME: "workflow_dispatch" };
    expect((await plan("v1.2", by)).outputs.commit).toBe(sha("b"));
    expect((await plan("release/one", by)).outputs.commit).toBe(sha("c"));
    expect((await plan("aaaaaaa", by)).outputs.commit).toBe(sha("a"));
  });

  test.each([
    ["an unknown reference", "nothing", /^::error::nothing is not a commit of this repository\.$/m],
    [
      "a commit that was never merged",
      "feature",
      /^::error::e{40} is not in the history of main: only commits that were merged/m,
    ],
    [
      "a commit whose checks have not passed",
      sha("c"),
      /^::error::The checks of c{40} on main have not passed: see the workflow CI\./m,
    ],
    [
      "a commit whose checks passed for a pull request only",
      sha("b"),
      /^::error::The checks of b{40} on main have not passed/m,
    ],
    [
      "a commit whose checks passed on another branch only",
      sha("a"),
      /^::error::The checks of a{40} on main have not passed/m,
    ],
  ])("refuses %s, also by hand", async (_, ref, sentence) => {
    repository.refs = { feature: sha("e") };
    repository.passedChecks = [
      checked(sha("d")),
      checked(sha("e")),
      { ...checked(sha("b")), event: "pull_request" },
      { ...checked(sha("a")), branch: "feature" },
    ];
    const { code, log, outputs } = await plan(ref, { GITHUB_EVENT_NAME: "workflow_dispatch" });
    expect(code).toBe(1);
    expect(log).toMatch(sentence);
    expect(outputs).toEqual({});
  });

  test("refuses an older commit than the stage's after its checks, and takes it by hand", async () => {
    repository.deployments = { staging: [passed(sha("c"))] };
    const { code, log } = await plan(sha("b"));
    expect(code).toBe(1);
    expect(log).toMatch(
      /^::error::staging runs c{40}, which is newer than b{40}\. To roll back, run Deploy by hand\.$/m,
    );
    const { outputs } = await plan(sha("b"), { GITHUB_EVENT_NAME: "workflow_dispatch" });
    expect(outputs).toMatchObject({ commit: sha("b"), back: sha("c") });
  });

  test("survives two errors of GitHub in a row, and fails on the third", async () => {
    repository.faults = [502, 503];
    expect((await plan(sha("d"))).code).toBe(0);
    repository.faults = [502, 503, 504];
    const { code, log } = await plan(sha("d"));
    expect(code).toBe(1);
    expect(log).toContain("::error::GitHub answered 504 to GET commits/");
  });

  test("fails at once if the token has no access", async () => {
    repository.faults = [403];
    const { code, log } = await plan(sha("d"));
    expect(code).toBe(1);
    expect(log).toContain("::error::GitHub answered 403 to GET commits/");
    expect(requests).toHaveLength(1);
  });
});
