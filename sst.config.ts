/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  async app({ stage = "dev" }) {
    const { settingsFor } = await import("./infra/settings");
    const { account, region, isProtected, isRemovable } = settingsFor(stage);
    return {
      name: "lectern",
      home: "aws",
      removal: isProtected ? "retain" : "remove",
      protect: isProtected && !isRemovable,
      providers: {
        // The provider's type lists the regions; the setting is any text in the form of a region.
        aws: {
          version: "6.66.2",
          region: region as aws.Region,
          ...(account ? { allowedAccountIds: [account] } : {}),
        },
      },
    };
  },
  async run() {
    // First: it sets the boundary of the roles that the later files create.
    const { githubRoles } = await import("./infra/iam/github");
    const { connections, rateLimits, sessions } = await import("./infra/storage");
    const { api } = await import("./infra/realtime");
    await import("./infra/stream");
    await import("./infra/reaper");
    await import("./infra/drain");
    await import("./infra/budget");
    const { settings } = await import("./infra/stage");
    const { alarmTopic } = settings.monitoring ? await import("./infra/alarm") : {};
    if (settings.monitoring) await import("./infra/dashboard");
    // In live mode the metrics stay on the laptop, so alarms that miss them would ring for good.
    if (settings.monitoring && !$dev) await import("./infra/monitoring");
    const { userPoolClientId, userPoolId } = await import("./infra/auth");
    return {
      SessionsTableName: sessions.name,
      ConnectionsTableName: connections.name,
      RateLimitsTableName: rateLimits.name,
      WebSocketAPIEndpoint: api.url,
      ...(alarmTopic ? { AlarmTopicArn: alarmTopic.arn } : {}),
      UserPoolId: userPoolId,
      UserPoolClientId: userPoolClientId,
      ...(githubRoles ? { GitHubRoles: githubRoles } : {}),
    };
  },
});
