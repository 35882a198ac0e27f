import * as v from "valibot";

const lineSchema = v.looseObject({
  _aws: v.object({
    CloudWatchMetrics: v.array(
      v.object({
        Namespace: v.string(),
        Dimensions: v.array(v.array(v.string())),
        Metrics: v.array(v.object({ Name: v.string() })),
      }),
    ),
  }),
});

const read = (text: string) => {
  if (!text.includes('"_aws"')) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), lineSchema), text);
  return parsed.success ? parsed.output : undefined;
};

/** True if a log line has metrics in CloudWatch's embedded format. */
export const isMetrics = (text: string): boolean => read(text) !== undefined;

/** The dimensions that every metric has. */
const common = new Set(["service", "stage"]);

/**
 * The metrics that CloudWatch makes of a line: one for each name and set of dimension values, such as `ActiveSessions` or
 * `ConnectionErrors code=UNAUTHORIZED`.
 */
export const seriesIn = (text: string): string[] => {
  const line = read(text);
  return (line?._aws.CloudWatchMetrics ?? []).flatMap(({ Dimensions, Metrics }) =>
    Dimensions.flatMap((set) => {
      const special = set
        .filter((name) => !common.has(name))
        .map((name) => `${name}=${String(line?.[name])}`);
      return Metrics.map(({ Name }) => [Name, ...special].join(" "));
    }),
  );
};
