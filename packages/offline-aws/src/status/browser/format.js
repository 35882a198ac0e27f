import { h } from "./dom.js";

export const number = (value) =>
  value.toLocaleString("en", {
    maximumFractionDigits: Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0,
  });

const unitSigns = { Milliseconds: " ms", Seconds: " s", Microseconds: " µs", Percent: " %", Bytes: " B" };
export const quantity = (value, unit) => number(value) + (unitSigns[unit] ?? "");

export const time = (at) => new Date(at).toLocaleTimeString("en-GB");
export const exactTime = (at) => `${time(at)}.${String(Math.floor(at) % 1000).padStart(3, "0")}`;

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

/** A moment as a clock, with the day if it is another one; the title has it exactly. */
export const clock = (at, now) => {
  const date = new Date(at);
  const sameDay = date.toDateString() === new Date(now).toDateString();
  const day = sameDay ? "" : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} `;
  return h("time", { datetime: date.toISOString(), title: date.toISOString() }, day + time(at));
};

/** Text whose web addresses can be followed. */
export const linked = (text) =>
  text
    .split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/)
    .map((part, index) =>
      index % 2 === 1 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part,
    );

export const plural = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;
