export { cognitoService } from "./cognito.js";
export { createFunctionOutput } from "./function-output.js";
export { answering, type Service } from "./http.js";
export { lambdaService } from "./lambda.js";
export { createLogStore, logsService } from "./logs.js";
export { stsService } from "./sts.js";
