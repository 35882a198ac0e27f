import { Metrics as Recorder } from "@aws-lambda-powertools/metrics";
import { type Metrics, metricUnits } from "@lectern/core";
import { required } from "./environment.js";

const recorder = new Recorder({
  namespace: "Lectern",
  defaultDimensions: { service: "lectern", stage: required("ENV") },
});

/** Metrics as lines of CloudWatch's embedded metric format on standard output: they cost no API call. */
export const metrics: Metrics = {
  record: (name, value, by) => {
    const unit = metricUnits[name];
    recorder.addMetric(name, unit, value);
    for (const [dimension, of] of Object.entries(by ?? {})) {
      recorder.singleMetric().addDimension(dimension, of).addMetric(name, unit, value);
    }
  },
};

/** Writes the recorded metrics as one line, if there are any. */
export const flushMetrics = (): void => {
  if (recorder.hasStoredMetrics()) recorder.publishStoredMetrics();
};
