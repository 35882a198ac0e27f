/// <reference path="./.sst/platform/config.d.ts" />
export default $config({
  app() {
    return { name: "lectern", home: "aws", providers: { aws: { region: "us-east-1", version: "6.66.2" } } };
  },
  async run() {
    new sst.aws.Dynamo("Sessions", {
      fields: { sessionId: "string" },
      primaryIndex: { hashKey: "sessionId" },
    });
  },
});
