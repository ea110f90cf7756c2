// A foreign page that has its own name point at this machine (DNS rebinding): to a browser it is a page of this server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { GREETING, serve } from "./support.mjs";

const { CHROMIUM, MODULES } = process.env;
const { chromium } = createRequire(join(MODULES, "x.js"))("playwright-core");

// What a page at this name gets, whose server makes room for replyd: the first message, and the status of the page.
async function attack(browser, name, settings) {
  const site = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<p>Look, a kitten</p>"));
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  const { port } = site.address();
  const page = await browser.newPage();
  await page.goto(`http://${name}:${port}/`);
  site.close();
  site.closeAllConnections();
  const server = await serve(settings, port);
  const result = await page.evaluate(async () => {
    const socket = new WebSocket(`ws://${location.host}/`);
    const message = await new Promise((resolve) => {
      socket.onmessage = (event) => resolve(event.data);
      socket.onerror = () => resolve("refused");
    });
    return [message, (await fetch("/", { cache: "no-store" })).status];
  });
  await page.close();
  await server.stop();
  return result;
}

test("a name that points here opens nothing", async () => {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.example 127.0.0.1"],
  });
  try {
    assert.deepEqual(await attack(browser, "localhost", ""), [GREETING, 200]);
    assert.deepEqual(await attack(browser, "evil.example", ""), ["refused", 403]);
    assert.deepEqual(await attack(browser, "evil.example", "[auth]\norigins = http://chat.example\n"), ["refused", 403]);
  } finally {
    await browser.close();
  }
});
