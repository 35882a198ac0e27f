export { cognitoService } from "./cognito.js";
export { createFunctionOutput, type FunctionOutput } from "./function-output.js";
export { answering, type Service } from "./http.js";
export { lambdaService } from "./lambda.js";
export { createLogStore, type LogStore, logsService } from "./logs.js";
export { stsService } from "./sts.js";
