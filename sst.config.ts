/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  async app({ stage = "dev" }) {
    const { settingsFor } = await import("./infra/config");
    const { account, region, isProtected, isRemovable } = settingsFor(stage);
    return {
      name: "lectern",
      home: "aws",
      removal: isProtected ? "retain" : "remove",
      protect: isProtected && !isRemovable,
      providers: {
        // The provider knows its regions by name; ours is checked by its form.
        aws: {
          version: "6.66.2",
          region: region as aws.Region,
          ...(account ? { allowedAccountIds: [account] } : {}),
        },
      },
    };
  },
  async run() {
    // First: it bounds the roles that the others make.
    const { githubRoles } = await import("./infra/github");
    const { connections, rateLimits, sessions } = await import("./infra/storage");
    const { api } = await import("./infra/realtime");
    await import("./infra/stream");
    await import("./infra/reaper");
    await import("./infra/drain");
    await import("./infra/dashboard");
    const { alarmTopic } = await import("./infra/monitoring");
    const { userPoolClientId, userPoolId } = await import("./infra/auth");
    return {
      SessionsTableName: sessions.name,
      ConnectionsTableName: connections.name,
      RateLimitsTableName: rateLimits.name,
      WebSocketAPIEndpoint: api.url,
      AlarmTopicArn: alarmTopic.arn,
      UserPoolId: userPoolId,
      UserPoolClientId: userPoolClientId,
      ...(githubRoles ? { GitHubRoles: githubRoles } : {}),
    };
  },
});
