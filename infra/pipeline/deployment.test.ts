import { describe, expect, test } from "vitest";
import { action, expression, holds, workflow } from "../testing/workflow";

/** A start of the workflow Deploy: the run of CI before it, or the stage chosen by hand. */
interface Start {
  readonly run?: { readonly event?: string; readonly conclusion?: string };
  readonly to?: string;
  /** The result of the job for staging. */
  readonly staging?: string;
}

describe("a deployment", () => {
  const { deploy } = workflow("stage").jobs;

  test("runs one at a time on a stage, and nothing cancels it", () => {
    expect(workflow("deploy").concurrency).toBeUndefined();
    expect(deploy?.concurrency).toEqual({
      group: `deploy-${expression("inputs.environment")}`,
      "cancel-in-progress": false,
    });
  });

  test("starts when the checks of a commit of main end", () => {
    const { on } = workflow("deploy");
    expect(Object.keys(on)).toEqual(["workflow_run", "workflow_dispatch"]);
    expect(on.workflow_run).toEqual({
      workflows: [workflow("ci").name],
      types: ["completed"],
      branches: ["main"],
    });
    expect(workflow("ci").on.push).toEqual({ branches: ["main"] });
  });

  const isRun = (job: string, { run = {}, to = "", staging = "" }: Start): boolean =>
    holds(workflow("deploy").jobs[job]?.if, {
      github: { event_name: to ? "workflow_dispatch" : "workflow_run", event: { workflow_run: run } },
      inputs: { to },
      needs: { staging: { result: staging } },
      cancelled: () => false,
    });

  test.each<[string, Start, boolean]>([
    ["a push whose checks passed", { run: { event: "push", conclusion: "success" } }, true],
    ["a push whose checks failed", { run: { event: "push", conclusion: "failure" } }, false],
    ["a push whose checks were cancelled", { run: { event: "push", conclusion: "cancelled" } }, false],
    ["the checks of a fork's main", { run: { event: "pull_request", conclusion: "success" } }, false],
    ["a start by hand for prod", { to: "prod" }, false],
    ["a start by hand for staging", { to: "staging" }, true],
    ["a start by hand for both", { to: "staging and prod" }, true],
  ])("by %s reaches staging: %s %s", (_, start, reached) => {
    expect(isRun("staging", start)).toBe(reached);
  });

  test.each<[string, Start, boolean]>([
    ["after staging passed", { staging: "success" }, true],
    ["after staging failed", { staging: "failure" }, false],
    ["after checks that failed, which skipped staging", { staging: "skipped" }, false],
    ["by hand without staging", { to: "prod", staging: "skipped" }, true],
    ["by hand after staging passed", { to: "staging and prod", staging: "success" }, true],
    ["by hand after staging failed", { to: "staging and prod", staging: "failure" }, false],
    ["by hand for staging alone", { to: "staging", staging: "success" }, false],
  ])("%s reaches prod: %s %s", (_, start, reached) => {
    expect(isRun("prod", start)).toBe(reached);
  });

  test("takes the commit whose checks ended, or the commit named by hand, to the environment of its job", () => {
    const ref = expression("inputs.ref || github.event.workflow_run.head_sha");
    const { staging, prod } = workflow("deploy").jobs;
    expect(staging?.with).toEqual({ environment: "staging", ref });
    expect(prod?.with).toEqual({ environment: "prod", ref });
    expect(prod?.needs).toBe("staging");
  });

  test("checks out only the commits that the plan found", () => {
    const prepared = (deploy?.steps ?? []).filter(({ uses: used }) => used?.endsWith("/prepare"));
    expect(prepared.map(({ with: inputs }) => inputs?.ref)).toEqual([
      expression("steps.plan.outputs.commit"),
      expression("steps.plan.outputs.back"),
    ]);
  });

  test("rolls back in the same job and by the same steps, if it or its verification fails", () => {
    const own = deploy?.steps ?? [];
    const named = (id: string) => own.find((step) => step.id === id);
    expect(named("prepare-back")?.if).toBe(
      "failure() && steps.deploy.outcome == 'failure' && steps.deploy.outputs.locked != 'true' && steps.plan.outputs.back != ''",
    );
    // The output that the condition reads exists.
    expect(action("deploy").outputs?.locked?.value).toBe(expression("steps.deploy.outputs.locked"));
    expect(action("deploy").runs.steps.find(({ id }) => id === "deploy")?.run).toContain("sst.mjs deploy");
    expect(named("prepare-back")?.with?.ref).toBe(expression("steps.plan.outputs.back"));
    expect(named("back")?.if).toBe("failure() && steps.prepare-back.outcome == 'success'");
    expect(named("back")?.uses).toBe(named("deploy")?.uses);
    expect(named("back")?.with).toEqual(named("deploy")?.with);
    expect(own.at(-1)?.if).toBe("always()");
    // With it the job would pass although the commit failed.
    expect(own.filter((step) => "continue-on-error" in step)).toEqual([]);
  });
});
