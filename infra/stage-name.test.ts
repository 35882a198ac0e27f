import { dirname } from "node:path/posix";
import { type Graph, ofType, type Resource } from "offline-aws";
import { beforeAll, describe, expect, test } from "vitest";
import { checkLive, meantStage, settingsFor } from "./settings";
import { longestNames, longestStage } from "./stage-name";
import { full, graphOf, types } from "./testing/graph";

const errorOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

const refusal = (message: string | RegExp) =>
  expect.objectContaining({ name: "SettingError", message: expect.stringMatching(message) });

describe("a stage with the longest name", () => {
  const stage = `S${"-0".repeat(50)}`.slice(0, longestStage);
  let graph: Graph;
  beforeAll(async () => {
    graph = await graphOf(stage, full);
  });

  const nameOf = ({ inputs }: Resource): string =>
    String(inputs.name ?? inputs.dashboardName ?? inputs.targetId ?? "");
  const named = () => graph.resources.filter((resource) => nameOf(resource).includes(stage));
  const limits = longestNames.map(([type, name, limit]) => ({
    type,
    name: name.replace("<stage>", stage),
    limit,
  }));

  test("has only names that AWS takes, each with the whole name of the stage", () => {
    expect(longestStage).toBe(32);
    expect(limits.filter(({ name, limit }) => name.length > limit)).toEqual([]);
    expect(named().length).toBeGreaterThan(50);
    for (const resource of named()) {
      const name = nameOf(resource);
      const [longest, ...others] = limits.filter(
        ({ type, name: other }) => type === resource.type && dirname(other) === dirname(name),
      );
      // A kind of resource that the table lacks has no longest name.
      expect([name, name.length <= (longest?.name.length ?? 0), others]).toEqual([name, true, []]);
    }
  });

  test("has the app in each name that an account or a region has once, unless the specification fixes the name", () => {
    const fixed = [
      ...["Sessions", "Connections", "RateLimits"],
      ...["session-websocket-api", "session-management-alarms"],
      ...ofType(graph, types.lambda).map(({ inputs }) => String(inputs.name).replace(`-${stage}`, "")),
    ].flatMap((name) => [`${name}-${stage}`, `/aws/lambda/${name}-${stage}`]);
    const others = named()
      .map(nameOf)
      .filter((name) => !fixed.includes(name));
    expect(others.length).toBeGreaterThan(30);
    expect(others.filter((name) => !/^(\/aws\/vendedlogs\/apis\/)?lectern-/.test(name))).toEqual([]);
    for (const name of others) {
      expect(name).toMatch(new RegExp(`lectern-${stage}([-/]|$)|lectern-[a-z-]+-${stage}$`));
    }
  });

  test("is an account's only owner of every other name, too", () => {
    const physical = [types.alarm, types.queue, types.topic, types.budget, types.dashboard, types.query];
    for (const resource of physical.flatMap((type) => ofType(graph, type))) {
      expect(nameOf(resource)).toContain(stage);
    }
  });
});

describe("a stage's name is refused with one sentence", () => {
  test("one character over the longest, with the name that would not fit", () => {
    expect(settingsFor("a".repeat(longestStage))).toBeDefined();
    expect(errorOf(() => settingsFor("a".repeat(longestStage + 1)))).toEqual(
      refusal(
        /^Stage a{33} needs a shorter name: it has 33 characters, and 32 are the most, because AWS takes 64 in lectern-<stage>-\w+Role-abcdefgh\.$/,
      ),
    );
  });

  test.each(["my_stage", "7", "-a", "a.b", "a b", "pr-*", ""])("%j", (stage) => {
    expect(errorOf(() => settingsFor(stage))).toEqual(
      refusal(
        / needs another name: it must begin with a letter, and have only letters, digits and hyphens\.$/,
      ),
    );
  });
});

const ours = {
  live: { isProtected: true },
  "prod-green": { isProtected: true },
  team: { github: { repository: "a/b", environments: ["team"], createsProvider: false } },
  "pr-*": { isBounded: true },
};

describe("live functions", () => {
  test.each([
    ["prod", "it is protected"],
    ["live", "it is protected"],
    ["staging", "others use it"],
    ["team", "its roles' boundary would cut them off"],
    ["pr-7", "its roles' boundary would cut them off"],
  ])("are refused on %s: %s", (stage, why) => {
    expect(errorOf(() => checkLive(stage, ours))).toEqual(
      refusal(
        `Stage ${stage} takes no live functions, because ${why}: use a stage of your own \\(npm run dev -- --stage alice\\)\\.`,
      ),
    );
  });

  test.each(["alice", "dev", "pr-7"])("are allowed on %s", (stage) => {
    expect(errorOf(() => checkLive(stage))).toBeUndefined();
  });

  test("are refused on prod by the program itself, for those who run SST without our command", async () => {
    await expect(graphOf("prod", {}, { dev: true })).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringMatching(/^Stage prod takes no live functions, because it is protected: /),
    });
  });
});

describe("the stage that a name may stand for", () => {
  test.each([
    ["production", "prod"],
    ["Prod", "prod"],
    ["PROD", "prod"],
    ["prd", "prod"],
    ["prod-west", "prod"],
    ["stage", "staging"],
    ["Staging", "staging"],
    ["stg", "staging"],
    ["Live", "live"],
  ])("%s: %s", (stage, meant) => {
    expect(meantStage(stage, ours)).toBe(meant);
  });

  test.each(["prod", "staging", "live", "prod-green", "dev", "alice", "pr-7", "local"])(
    "%s: none",
    (stage) => {
      expect(meantStage(stage, ours)).toBeUndefined();
    },
  );
});
