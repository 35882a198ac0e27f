import { functions } from "./functions";

const longestOf = (names: readonly string[]): string =>
  names.reduce((longest, name) => (name.length > longest.length ? name : longest), "");

const longestFunction = longestOf(Object.values(functions).map(({ name }) => name));

/** SST ends the names that it makes by a dash and eight letters. It cuts longer names, the app's first. */
const madeBySst = (component: string): string => `lectern-<stage>-${component}-abcdefgh`;

/**
 * The longest physical name of each kind of resource, with `<stage>` for the stage's name, and its limit in characters.
 * The limits are AWS's; an access log's group has that of SST, which would cut its name.
 */
export const longestNames: readonly (readonly [type: string, name: string, limit: number])[] = [
  ["aws:lambda/function:Function", `${longestFunction}-<stage>`, 64],
  ["aws:iam/role:Role", madeBySst(`${longestOf(Object.keys(functions))}Role`), 64],
  ["aws:cloudwatch/eventRule:EventRule", madeBySst("ReapRule"), 64],
  ["aws:cloudwatch/eventTarget:EventTarget", madeBySst("ReapTarget"), 64],
  ["aws:sqs/queue:Queue", "lectern-stream-failures-<stage>", 80],
  ["aws:cloudwatch/logGroup:LogGroup", `/aws/vendedlogs/apis/${madeBySst("Realtime")}`, 85],
  ["aws:cloudwatch/logGroup:LogGroup", `/aws/lambda/${longestFunction}-<stage>`, 512],
  ["aws:budgets/budget:Budget", "lectern-<stage>", 100],
  ["aws:apigatewayv2/api:Api", "session-websocket-api-<stage>", 128],
  ["aws:apigatewayv2/authorizer:Authorizer", madeBySst("RealtimeAuthorizerTokenAuthorizer"), 128],
  ["aws:cognito/userPool:UserPool", "lectern-speakers-<stage>", 128],
  ["aws:cognito/userPoolClient:UserPoolClient", "lectern-speakers-app-<stage>", 128],
  ["aws:dynamodb/table:Table", "Connections-<stage>", 255],
  ["aws:cloudwatch/metricAlarm:MetricAlarm", "lectern-errors-disconnect-handler-<stage>", 255],
  ["aws:cloudwatch/dashboard:Dashboard", "lectern-<stage>", 255],
  ["aws:cloudwatch/queryDefinition:QueryDefinition", "lectern-<stage>/session-story", 255],
  ["aws:sns/topic:Topic", "session-management-alarms-<stage>", 256],
];

/** The kind whose names leave the least room for the stage's. */
const [tightest] = longestNames
  .map(([, name, limit]) => ({ name, limit, room: limit - name.replace("<stage>", "").length }))
  .sort((a, b) => a.room - b.room);

/** The most characters of a stage's name. */
export const longestStage = tightest?.room ?? 0;

/** Why resources cannot be named after a stage, in one sentence; undefined if they can. */
export const nameProblem = (stage: string): string | undefined => {
  if (!/^[a-zA-Z][a-zA-Z0-9-]*$/.test(stage)) {
    return `Stage ${stage} needs another name: it must begin with a letter, and have only letters, digits and hyphens.`;
  }
  if (stage.length <= longestStage) return undefined;
  return `Stage ${stage} needs a shorter name: it has ${stage.length} characters, and ${longestStage} are the most, because AWS takes ${tightest?.limit} in ${tightest?.name}.`;
};

/** Usual short names, by the name that they stand for. */
const shortNames: Readonly<Record<string, readonly string[]>> = { prod: ["prd"], staging: ["stg"] };

/** True if the first name may be meant for the second: `Prod`, `production` and `prd` for `prod`. */
export const resembles = (stage: string, other: string): boolean => {
  const [name, known] = [stage.toLowerCase(), other.toLowerCase()];
  return name.slice(0, 4) === known.slice(0, 4) || (shortNames[known] ?? []).includes(name);
};
