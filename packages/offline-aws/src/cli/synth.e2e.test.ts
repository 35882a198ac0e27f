import { expect, test } from "vitest";
import { guestbook, program, runTool, temporaryProject } from "../testing.js";

const withTable = `
  const table = new sst.aws.Dynamo("T", { fields: { id: "string" }, primaryIndex: { hashKey: "id" } });
  return { Table: table.name, Roles: { staging: table.arn } };
`;

test("synth --json prints one line of the documented shape, and nothing else on standard output", async () => {
  const { code, stdout } = await runTool(["synth", "--stage", "prod", "--json"], { cwd: await guestbook() });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^[^\n]+\n$/);
  const { resources, outputs } = JSON.parse(stdout);
  expect(outputs).toEqual({ table: "Guests-prod" });
  expect(resources.length).toBeGreaterThan(20);
  for (const { type, name, inputs } of resources) {
    expect([typeof type, typeof name, typeof inputs]).toEqual(["string", "string", "object"]);
  }
  expect(resources).toContainEqual(
    expect.objectContaining({
      type: "aws:dynamodb/table:Table",
      inputs: expect.objectContaining({ name: "Guests-prod" }),
    }),
  );
});

test("synth prints the resources by type with their main inputs, without colours", async () => {
  const cwd = await temporaryProject({ "sst.config.ts": program(withTable) });
  const { code, stdout } = await runTool(["synth"], { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^fixture on stage local \(removal retain\): \d+ resources\n/);
  expect(stdout).toMatch(/\naws:dynamodb\/table:Table\n {2}fixture-local-TTable-\w+ {2}hashKey=id {2}/);
  expect(stdout).toMatch(
    /\nOutputs\n {2}Table {2}fixture-local-TTable-\w+\n {2}Roles {2}\{"staging":"arn:aws:dynamodb:.+"\}\n$/,
  );
  expect(stdout).not.toContain(String.fromCharCode(27));
});
