import { named, settings } from "./stage";

const { monthlyBudget, alarmEmail } = settings;
if (monthlyBudget !== undefined && alarmEmail !== undefined) {
  const notification = (threshold: number, notificationType: "ACTUAL" | "FORECASTED") => ({
    comparisonOperator: "GREATER_THAN",
    threshold,
    thresholdType: "PERCENTAGE",
    notificationType,
    subscriberEmailAddresses: [alarmEmail],
  });
  new aws.budgets.Budget("MonthlyBudget", {
    name: named("lectern"),
    budgetType: "COST",
    timeUnit: "MONTHLY",
    limitAmount: `${monthlyBudget}`,
    limitUnit: "USD",
    notifications: [notification(80, "ACTUAL"), notification(100, "FORECASTED")],
  });
}
