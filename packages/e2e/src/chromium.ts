import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

// Debian's packages. The headless shell is the smaller one.
const chromiums = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];

/** The browser on this machine, if there is one. */
export const executablePath = chromiums.find((path) => existsSync(path));

export const missing = "No Chromium on this machine: apt-get install chromium-headless-shell";

export const launch = (): Promise<Browser> => {
  if (!executablePath) throw new Error(missing);
  const args = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  return chromium.launch({ executablePath, args });
};
