export { cognitoService } from "./cognito.js";
export { createFunctionOutput } from "./function-output.js";
export { answering, type Service } from "./http.js";
export { lambdaService } from "./lambda.js";
export { createLogStore } from "./log-store.js";
export { logsService } from "./logs.js";
export { stsService } from "./sts.js";
