import { named, settings } from "./stage";

/** A user pool for the speakers of this stage. */
const own = () => {
  const pool = new sst.aws.CognitoUserPool(
    "Speakers",
    {
      usernames: ["email"],
      transform: {
        userPool: {
          name: named("lectern-speakers"),
          // Operators create the speakers' users; nobody signs up.
          adminCreateUserConfig: { allowAdminCreateUserOnly: true },
          deletionProtection: settings.isProtected ? "ACTIVE" : "INACTIVE",
        },
      },
    },
    // `removal: "retain"` covers tables and buckets, not pools.
    { retainOnDelete: settings.isProtected },
  );
  const client = pool.addClient("SpeakersApp", {
    transform: {
      client: (args, options) => {
        args.name = named("lectern-speakers-app");
        // No hosted page: clients sign in by SRP and renew their tokens by the refresh token. The administrator's sign-in
        // needs AWS credentials. A password alone is enough only where the setting allows it.
        args.allowedOauthFlowsUserPoolClient = false;
        args.allowedOauthFlows = [];
        args.allowedOauthScopes = [];
        args.callbackUrls = [];
        args.explicitAuthFlows = [
          "ALLOW_USER_SRP_AUTH",
          "ALLOW_REFRESH_TOKEN_AUTH",
          "ALLOW_ADMIN_USER_PASSWORD_AUTH",
          ...(settings.passwordSignIn ? ["ALLOW_USER_PASSWORD_AUTH"] : []),
        ];
        args.preventUserExistenceErrors = "ENABLED";
        // Kept with its pool, because speakers' apps know its id.
        options.retainOnDelete = settings.isProtected;
      },
    },
  });
  return { userPoolId: pool.id, userPoolClientId: client.id };
};

export const { userPoolId, userPoolClientId } =
  settings.cognitoUserPoolId && settings.cognitoClientId
    ? {
        userPoolId: $output(settings.cognitoUserPoolId),
        userPoolClientId: $output(settings.cognitoClientId),
      }
    : own();
