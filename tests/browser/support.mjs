// A real server, a real browser, and what every test wants of both.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const { REPLYD, CHROMIUM, MODULES, SCREENSHOTS } = process.env;
const require = createRequire(join(MODULES, "x.js"));
const { chromium } = require("playwright-core");
const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const GREETING = "Hi, how can I help you today?";
export const HELP = "Sure, I am here to help. Can you briefly describe the problem.";

// `replyd serve` with these settings; on a free port unless it is to have the one it had before, and with these files beside them.
export async function serve(settings = "", port = 0, files = {}) {
  const folder = mkdtempSync(join(tmpdir(), "replyd-"));
  const config = join(folder, "config.ini");
  writeFileSync(config, settings, { mode: 0o600 });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const child = spawn(REPLYD, ["--config", config, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"] });
  children.add(child);
  const lines = [];
  const address = await new Promise((resolve, reject) => {
    createInterface(child.stderr).on("line", (line) => {
      lines.push(line);
      const found = /Waiting for clients .* \[ws:\/\/(.*)\]/.exec(line);
      if (found) resolve(found[1]);
    });
    child.on("exit", () => reject(new Error(lines.join("\n"))));
  });
  return {
    url: `http://${address}/`,
    port: Number(address.split(":")[1]),
    log: lines,
    folder,
    // Has what was counted written now, and not when the minute is over.
    reload: () => child.kill("SIGHUP"),
    // Returns when none of its threads runs any more: one that was on its way may still answer.
    async freeze() {
      child.kill("SIGSTOP");
      const folder = `/proc/${child.pid}/task`;
      const runs = (task) => !/\) [Tt] /.test(readFileSync(`${folder}/${task}/stat`, "utf8"));
      while (readdirSync(folder).some(runs)) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    thaw: () => child.kill("SIGCONT"),
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await once(child, "exit");
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let browser;

export async function launch() {
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}

export async function quit() {
  await browser?.close();
}

// Takes away what browsers of four years ago did not have, and fails where a script uses it all the same.
function becomeOlder() {
  const newer = [
    [URL, "canParse parse"], [AbortSignal, "timeout any"], [Object, "groupBy"], [Map, "groupBy"], [Promise, "withResolvers try"], [Array, "fromAsync"],
    [String.prototype, "toWellFormed isWellFormed"], [Array.prototype, "toSorted toReversed toSpliced with"],
    [Set.prototype, "union intersection difference"], [self, "structuredClone scheduler CSSStyleSheet"], [crypto, "randomUUID"],
    [Element.prototype, "role checkVisibility setHTML"], [HTMLElement.prototype, "inert popover showPopover"],
    [ShadowRoot.prototype, "adoptedStyleSheets"], [Document.prototype, "adoptedStyleSheets"],
  ];
  for (const [owner, names] of newer) names.split(" ").forEach((name) => { delete owner[name]; });
  Object.keys(Object.getOwnPropertyDescriptors(Element.prototype)).filter((name) => name.startsWith("aria")).forEach((name) => { delete Element.prototype[name]; });
  const { RegExp } = self;
  self.RegExp = new Proxy(RegExp, {
    construct(target, [source, flags]) {
      if (/\(\?<[=!]/.test(source) || /v/.test(flags)) throw new SyntaxError("Invalid regular expression");
      return new target(source, flags);
    },
  });
}

// A fresh visitor, perhaps with an older browser. At the end the page must have complained of nothing but `tolerated`, and asked no other host than `hosts`.
export async function visit(url, { tolerated = /^$/, hosts = [new URL(url).host], isOlder = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 360, height: 640 }, ...options });
  if (isOlder) await context.addInitScript(becomeOlder);
  const complaints = [];
  const strangers = [];
  context.on("request", (request) => {
    if (!hosts.includes(new URL(request.url()).host)) strangers.push(request.url());
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("console", (message) => {
    if (message.type() === "error" && !tolerated.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return {
    page,
    async leave() {
      assert.deepEqual([complaints, strangers], [[], []]);
      await context.close();
    },
  };
}

// Waits until the conversation is exactly this: bubbles from the top, ours behind "> ".
export async function conversation(page, expected) {
  const read = () => [...document.querySelectorAll(".message")].map((message) =>
    (message.classList.contains("mine") ? "> " : "") + message.querySelector(".bubble").textContent);
  const deadline = Date.now() + 20000;
  let found;
  do {
    found = await page.evaluate(read);
    if (JSON.stringify(found) === JSON.stringify(expected)) return;
    await page.waitForTimeout(20);
  } while (Date.now() < deadline);
  assert.deepEqual(found, expected);
}

// Waits until something holds that no event reports.
export async function until(holds) {
  const deadline = Date.now() + 20000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, String(holds));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// A file of a package that the tests have.
export function moduleFile(path) {
  return readFileSync(join(MODULES, "node_modules", path), "utf8");
}

// Waits until the page has nothing to say of its connection.
export async function connected(page) {
  const deadline = Date.now() + 20000;
  while (await page.locator("#state").evaluate((state) => state.textContent !== "")) {
    assert.ok(Date.now() < deadline, "not connected");
    await page.waitForTimeout(20);
  }
}

// An audit finds nothing.
export async function audit(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])]), []);
}

export async function screenshot(page, name, clip) {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), clip });
}
