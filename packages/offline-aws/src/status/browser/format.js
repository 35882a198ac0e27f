import { h } from "./dom.js";

export const number = (value) => {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits });
};

export const plural = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;

export const time = (at) => new Date(at).toLocaleTimeString("en-GB");

export const duration = (ms) => {
  const minutes = Math.floor(ms / 60000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

const yearMs = 365 * 24 * 60 * 60 * 1000;

/** The moment (ms) that an attribute plausibly is: a number of s or ms within a year of now; undefined for any other. */
export const momentOf = (text, now) => {
  if (!/^(\d{10}|\d{13})(\.\d+)?$/.test(text)) return undefined;
  const at = Number(text) * (text.split(".")[0].length === 10 ? 1000 : 1);
  return Math.abs(at - now) < yearMs ? at : undefined;
};

/** An attribute's value. A moment is a clock, with the day if that is not today; its title has it exactly. */
export const attributeValue = (text, now) => {
  const at = momentOf(text, now);
  if (at === undefined) return text;
  const date = new Date(at);
  const isToday = date.toDateString() === new Date(now).toDateString();
  const day = isToday ? "" : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} `;
  return h("time", { datetime: date.toISOString(), title: date.toISOString() }, day + time(at));
};
