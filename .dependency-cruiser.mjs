// The imports that the design allows. `npm run check:imports` fails on any other import, and on circles.

/**
 * The parts of the project, and the parts that each may import. Each names only parts above it, so no circle can form.
 * `tests` names further parts for its tests, which may break that order.
 */
const parts = [
  { name: "packages/protocol", may: [] },
  { name: "packages/offline-aws", may: [] },
  { name: "packages/client", may: ["packages/protocol"], tests: ["packages/offline-aws"] },
  { name: "packages/core", may: ["packages/protocol"], tests: ["packages/offline-aws"] },
  {
    name: "packages/functions",
    may: ["packages/protocol", "packages/core"],
    tests: ["packages/offline-aws"],
  },
  { name: "packages/web", may: ["packages/protocol", "packages/client"] },
  { name: "infra", may: ["packages/core"], tests: ["packages/offline-aws", "packages/cli"] },
  { name: "sst.config.ts", may: ["infra"] },
  {
    name: "packages/cli",
    may: ["packages/protocol", "packages/client", "packages/core", "packages/offline-aws", "infra"],
  },
  {
    name: "packages/e2e",
    may: [
      ...["packages/protocol", "packages/client", "packages/core", "packages/functions"],
      ...["packages/offline-aws", "packages/cli", "infra"],
    ],
  },
];

const testFiles = String.raw`\.test\.tsx?$|/testing(\.ts$|/)`;

const anyOf = (names) => `^(${names.map((name) => name.replaceAll(".", "\\.")).join("|")})(/|$)`;

const everyPart = `${anyOf(parts.map(({ name }) => name))}|^packages/`;

const directions = parts.flatMap(({ name, may, tests = [] }) => {
  const rule = (suffix, from, allowed) => ({
    name: `${name.replace("packages/", "")}-imports-only${suffix}`,
    severity: "error",
    from: { path: anyOf([name]), ...from },
    to: { path: everyPart, pathNot: anyOf([name, ...allowed]) },
  });
  return [
    rule("", { pathNot: testFiles }, may),
    { ...rule("-in-tests", {}, [...may, ...tests]), from: { path: `${anyOf([name])}.*(${testFiles})` } },
  ];
});

export default {
  forbidden: [
    {
      name: "no-circle-of-files",
      comment: "Files that import each other cannot be read, tested or moved apart.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    ...directions,
    {
      name: "every-package-is-listed",
      comment: "A new package needs a line in `parts` of .dependency-cruiser.mjs.",
      severity: "error",
      from: { path: "^packages/([^/]+)/", pathNot: anyOf(parts.map(({ name }) => name)) },
      to: { path: everyPart, pathNot: "^packages/$1/" },
    },
    {
      name: "only-resources-imports-sst",
      comment: "Everything else must run without a stage's resources.",
      severity: "error",
      from: { path: "^packages/", pathNot: "^packages/functions/src/resources\\.ts$" },
      to: { path: "^(node_modules/)?sst(/|$)" },
    },
    {
      name: "every-import-resolves",
      comment: "An import that cannot be resolved escapes every other rule.",
      severity: "error",
      from: {},
      // Only types, or only in SST's platform.
      to: { couldNotResolve: true, pathNot: "^(@pulumi|aws-lambda)" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^\\.sst/" },
    // Type imports count too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
    cache: { folder: "node_modules/.cache/dependency-cruiser", strategy: "content" },
  },
};
