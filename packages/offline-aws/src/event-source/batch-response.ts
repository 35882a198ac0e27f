import * as v from "valibot";
import type { StreamRecord } from "../dynamodb/stream.js";
import type { Outcome } from "../lambda/invocation.js";

/** The result of one invocation for its batch. `from`: the index of the first record that did not succeed. */
export type Verdict =
  | { readonly kind: "succeeded" }
  | { readonly kind: "failed"; readonly from: number }
  | { readonly kind: "not-invoked" };

const BatchResponse = v.object({
  batchItemFailures: v.nullish(v.array(v.object({ itemIdentifier: v.string() }))),
});

/**
 * Nothing returned and an empty list are success. With several failures the lowest sequence number counts. An
 * identifier that is missing, empty or of no record in the batch fails the batch whole, and so does a response of
 * another form.
 */
export const judge = (outcome: Outcome, records: readonly StreamRecord[], reportsItems: boolean): Verdict => {
  if (outcome.kind === "throttled") return { kind: "not-invoked" };
  if (outcome.kind !== "returned") return { kind: "failed", from: 0 };
  if (!reportsItems || outcome.payload === null || outcome.payload === undefined || outcome.payload === "") {
    return { kind: "succeeded" };
  }
  const response = v.safeParse(BatchResponse, outcome.payload);
  if (!response.success) return { kind: "failed", from: 0 };
  const failures = response.output.batchItemFailures ?? [];
  if (failures.length === 0) return { kind: "succeeded" };
  const positions = failures.map(({ itemIdentifier }) =>
    records.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === itemIdentifier),
  );
  return { kind: "failed", from: Math.max(0, Math.min(...positions)) };
};
