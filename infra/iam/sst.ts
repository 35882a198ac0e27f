import { app, arnIn, gatewayIn, namesOf, type Place } from "./names";
import { allow, of, type Statement } from "./policy";

/** The rights that SST's command needs for its own state, code and secrets. */
export const sstStatements = (place: Place): readonly Statement[] => {
  const names = namesOf(place);
  const arn = arnIn(place);
  const ownBucket = { StringEquals: { "aws:ResourceAccount": place.account } };
  return [
    allow("SstBootstrap", of("ssm", "GetParameter"), [arn("ssm", "parameter/sst/bootstrap")]),
    allow("SstPassphrase", of("ssm", "GetParameter", "PutParameter"), names.passphrases),
    // Without the right to list, S3 answers 403 for a missing object instead of 404.
    allow(
      "SstBuckets",
      of("s3", "ListBucket"),
      ["arn:aws:s3:::sst-state-*", "arn:aws:s3:::sst-asset-*"],
      ownBucket,
    ),
    allow("SstState", of("s3", "GetObject", "PutObject", "DeleteObject"), names.state, ownBucket),
    allow(
      "SstFallbackSecrets",
      of("s3", "GetObject"),
      [`arn:aws:s3:::sst-state-*/secret/${app}/_fallback.json`],
      ownBucket,
    ),
    allow(
      "SstAssets",
      of(
        "s3",
        ...["GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload"],
        ...["GetObjectTagging", "PutObjectTagging", "GetObjectVersion"],
      ),
      [...names.assets, ...names.sourcemaps],
      ownBucket,
    ),
  ];
};

/** The rights for the first deployment into an account and region: SST's buckets, and a role for API Gateway's logs. */
export const firstStatements = (place: Place): readonly Statement[] => {
  const { account } = place;
  const arn = arnIn(place);
  const gateway = gatewayIn(place);
  const logsRole = [`arn:aws:iam::${account}:role/APIGatewayPushToCloudWatchLogsRole-*`];
  return [
    allow(
      "FirstBuckets",
      of("s3", "CreateBucket", "PutBucketVersioning", "PutBucketNotification", "PutBucketPolicy"),
      ["arn:aws:s3:::sst-state-*", "arn:aws:s3:::sst-asset-*"],
    ),
    allow("FirstRepository", of("ecr", "CreateRepository", "DescribeRepositories"), [
      arn("ecr", "repository/sst-asset"),
    ]),
    allow("FirstParameters", of("ssm", "GetParameter", "PutParameter"), [
      arn("ssm", "parameter/sst/bootstrap"),
      arn("ssm", "parameter/sst/bootstrap/asset"),
    ]),
    allow(
      "FirstLogsRole",
      of("iam", ...["CreateRole", "GetRole", "TagRole", "ListRolePolicies", "ListAttachedRolePolicies"]),
      logsRole,
    ),
    allow("FirstLogsRolePolicy", of("iam", "AttachRolePolicy"), logsRole, {
      ArnEquals: {
        "iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
      },
    }),
    allow("FirstLogsRolePass", of("iam", "PassRole"), logsRole, {
      StringEquals: { "iam:PassedToService": "apigateway.amazonaws.com" },
    }),
    allow("FirstLogsAccount", of("apigateway", "PATCH"), gateway("/account")),
    allow("FirstDomain", of("iam", "CreateServiceLinkedRole"), [
      `arn:aws:iam::${account}:role/aws-service-role/ops.apigateway.amazonaws.com/*`,
    ]),
  ];
};
