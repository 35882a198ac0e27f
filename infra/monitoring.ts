import { named, settings } from "./stage";

export const alarmTopic = new sst.aws.SnsTopic("Alarms", {
  transform: { topic: { name: named("session-management-alarms") } },
});

if (settings.alarmEmail) {
  new aws.sns.TopicSubscription("AlarmsByEmail", {
    topic: alarmTopic.arn,
    protocol: "email",
    endpoint: settings.alarmEmail,
  });
}
