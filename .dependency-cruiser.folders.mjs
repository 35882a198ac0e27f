// The circles of core's folders. A test may use every folder, and `testing/` is used by all, so both are left out.
import config from "./.dependency-cruiser.mjs";

export default {
  forbidden: [
    {
      name: "no-circle-of-core-folders",
      comment: "A flow of the domain is found by its folder; folders in a circle are one folder.",
      severity: "error",
      scope: "folder",
      from: { path: "^packages/core/src/[^/]+" },
      to: { circular: true, viaOnly: { path: "^packages/core/src/[^/]+" } },
    },
  ],
  options: {
    ...config.options,
    exclude: { path: "\\.test\\.ts$|^packages/core/src/testing/" },
    cache: false,
  },
};
