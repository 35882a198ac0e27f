import type { Command } from "./command.js";

const none = () => Promise.reject(new Error("offline-aws runs its own commands."));
const stage = { type: "string", value: "STAGE", help: "The stage to evaluate. Default: local." } as const;
const set = {
  type: "string",
  multiple: true,
  value: "NAME=VALUE",
  help: "A setting for the program. May be repeated.",
} as const;

/** The commands in the form of the kit that leaves this package, for those who still describe them by it. */
export const localCommands: readonly Command[] = [
  {
    name: "start",
    summary: "Run the whole app on this machine.",
    call: "npm start --",
    options: {
      port: {
        type: "string",
        value: "PORT",
        help: "The gateway's port; DynamoDB takes the next one. Default: 4000.",
      },
      stage,
      engine: { type: "string", value: "ENGINE", help: "dynalite or dynamodb-local. Default: dynalite." },
      logs: { type: "string", value: "FORM", help: "readable or json. Default: readable." },
      json: { type: "boolean", help: "Print one line of JSON when ready, and nothing else." },
      quotas: { type: "boolean", help: "Enforce the account's quota of 500 new connections a second." },
      set,
    },
    run: none,
  },
  {
    name: "token",
    summary: "Print a token for a user, signed as the stage's user pool would.",
    call: "npm run -s token --",
    positionals: [{ name: "user", help: "The user's name; the same name is the same user every time." }],
    options: {
      stage,
      id: { type: "boolean", help: "An ID token instead of an access token." },
      "expires-in": { type: "string", value: "SECONDS", help: "The token's lifetime. Default: 3600." },
    },
    run: none,
  },
  {
    name: "synth",
    summary: "Show every resource that a deployment of a stage would create.",
    call: "npm run synth --",
    options: {
      stage,
      json: { type: "boolean", help: "Print JSON: resources with their inputs, and outputs." },
      set,
    },
    run: none,
  },
  {
    name: "platform",
    summary: "Fetch SST's component sources into .sst/platform, where they are missing.",
    call: "npx offline-aws platform",
    options: {},
    run: none,
  },
];
