import { named, settings } from "./stage";

/** The pool that speakers sign in to: the stage's own, or an existing one. */
const own = () => {
  const pool = new sst.aws.CognitoUserPool(
    "Speakers",
    {
      usernames: ["email"],
      transform: {
        userPool: {
          name: named("lectern-speakers"),
          // Speakers are let in by an operator; nobody signs up.
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
        // No hosted page: clients sign in by SRP, and keep their tokens by the refresh token. Signing in as an
        // administrator needs credentials of the account; a password alone only opens where the stage says so.
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
        // It goes with its pool: speakers' apps know its id.
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
