/** The retention periods that CloudWatch offers, in days, by SST's names. */
const periods = {
  "1 day": 1,
  "3 days": 3,
  "5 days": 5,
  "1 week": 7,
  "2 weeks": 14,
  "1 month": 30,
  "2 months": 60,
  "3 months": 90,
  "4 months": 120,
  "5 months": 150,
  "6 months": 180,
  "1 year": 365,
  "13 months": 400,
  "18 months": 545,
  "2 years": 731,
  "3 years": 1096,
  "5 years": 1827,
  "6 years": 2192,
  "7 years": 2557,
  "8 years": 2922,
  "9 years": 3288,
  "10 years": 3653,
} as const;

type Period = keyof typeof periods;

const isPeriod = (name: string): name is Period => name in periods;

/** The shortest period that covers this many hours: one day for twelve hours. */
export const retentionFor = (hours: number): Period =>
  Object.keys(periods)
    .filter(isPeriod)
    .find((period) => periods[period] * 24 >= hours) ?? "10 years";
