// The page and the widget in Firefox, over WebDriver BiDi: what may differ between browsers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GREETING, HELP, conversation, serve, until } from "./support.mjs";

const { FIREFOX, MODULES } = process.env;
const { default: puppeteer } = createRequire(join(MODULES, "x.js"))("puppeteer-core");

let browser;
let site;
let server;
before(async () => {
  browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true, extraPrefsFirefox: { "intl.accept_languages": "de" } });
  site = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.setHeader("Content-Security-Policy", `default-src 'none'; img-src data:; script-src ${server.url}; frame-src ${server.url}`);
    response.end(`<!doctype html><html lang="de"><title>A shop</title><link rel="icon" href="data:,"><h1>A shop</h1><script src="${server.url}widget.js" data-title="Chat" data-accent="gold"></script>`);
  });
  site.listen(0);
  await once(site, "listening");
  server = await serve(`[web]\nembed_origins = http://127.0.0.1:${site.address().port}\n[bot]\ngreeting = ${GREETING}\n  > help\n`);
});
after(async () => {
  await browser.close();
  await server.stop();
  site.close();
});

// Waits for the conversation, whose greeting offers "help".
async function visit(url) {
  const page = await browser.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  await page.goto(url);
  page.waitForTimeout = (time) => new Promise((resolve) => setTimeout(resolve, time));
  return { page, complaints };
}

const frameOf = async (page) => {
  const found = () => page.frames().find((frame) => frame.url().includes("?embedded"));
  await until(found);
  const frame = found();
  frame.waitForTimeout = page.waitForTimeout;
  return frame;
};

test("a conversation in German", async () => {
  const { page, complaints } = await visit(server.url);
  await conversation(page, [GREETING]);
  assert.equal(await page.evaluate(() => [document.documentElement.lang, document.querySelector("textarea").placeholder].join()), "de,Ihre Nachricht");
  await page.keyboard.type("i need help");
  await page.keyboard.press("Enter");
  await conversation(page, [GREETING, "> i need help", HELP]);
  await page.click(".offers button");
  await conversation(page, [GREETING, "> i need help", HELP, "> help", HELP]);
  await page.reload();
  await conversation(page, [GREETING, "> i need help", HELP, "> help", HELP]);
  await page.click("#anew");
  await conversation(page, [GREETING]);
  await page.click("#undo");
  await conversation(page, [GREETING, "> i need help", HELP, "> help", HELP]);
  // The bubbles and the field are within the view, whatever the size.
  for (const [width, height] of [[320, 480], [1920, 1080]]) {
    await page.setViewport({ width, height });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  }
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the widget on a site that may", async () => {
  const { page, complaints } = await visit(`http://127.0.0.1:${site.address().port}/`);
  const toggle = await page.waitForSelector(">>> .toggle");
  const looks = () => toggle.evaluate((button) => [getComputedStyle(button).backgroundColor, getComputedStyle(button).color, button.ariaExpanded, button.textContent]);
  assert.deepEqual(await looks(), ["rgb(255, 215, 0)", "rgb(0, 0, 0)", "false", "Chat"]);
  await toggle.click();
  const frame = await frameOf(page);
  await conversation(frame, [GREETING]);
  await until(async () => (await looks()).join().endsWith("true,Schließen"));
  await until(() => frame.evaluate(() => document.activeElement.id === "text"));
  await page.keyboard.type("hello");
  await page.keyboard.press("Enter");
  await conversation(frame, [GREETING, "> hello", GREETING]);
  for (let question = 0; question < 8; question++) {
    await page.keyboard.type("i need help");
    await page.keyboard.press("Enter");
    await until(() => frame.evaluate((count) => document.querySelectorAll(".message").length === count, 2 * question + 5));
  }
  // What is answered while it is closed is in view when it is opened.
  await server.freeze();
  await page.keyboard.type("hello");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await until(async () => (await looks())[2] === "false");
  server.thaw();
  await until(() => toggle.evaluate((button) => button.classList.contains("unread")));
  await toggle.click();
  await until(() => frame.evaluate(() => {
    const { bottom } = document.querySelector("#log").lastChild.getBoundingClientRect();
    return bottom > 0 && bottom <= document.getElementById("ask").getBoundingClientRect().top;
  }));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the widget on a site that may not", async () => {
  const { page, complaints } = await visit(`http://localhost:${site.address().port}/`);
  await (await page.waitForSelector(">>> .toggle")).click();
  const link = () => page.evaluate(() => document.querySelector("replyd-chat").shadowRoot.querySelector("a")?.href);
  await until(link);
  assert.equal(await link(), server.url);
  assert.ok(complaints.some((line) => line.startsWith("replyd: ") && line.includes("embed_origins")), complaints.join("\n"));
  await page.close();
});

test("a reload does not bring back the text of the owner's editor", async () => {
  const file = "[replies]\nparking = Behind the house.\nunknown = Call us.\n";
  const settings = "[bot]\nreplies_file = replies.ini\n[key anna]\nsecret = the owner's own key\nrole = owner\n";
  const ours = await serve(settings, 0, { "replies.ini": file });
  const { page, complaints } = await visit(`${ours.url}owner`);
  const value = () => page.$eval("#source", (source) => source.value);
  const show = async () => {
    await until(() => page.$eval("#show", (button) => button.offsetParent !== null));
    await page.click("#show");
  };
  await page.type("#key", "the owner's own key");
  await page.keyboard.press("Enter");
  await show();
  await until(async () => (await value()) === file);
  page.on("dialog", (dialog) => dialog.accept());
  await page.click("#source");
  await page.keyboard.type("typed");
  await page.reload();
  await show();
  await until(async () => (await value()) === file);
  assert.equal(await page.$eval("#difference", (part) => part.hidden), true);
  assert.deepEqual(complaints, []);
  await page.close();
  await ours.stop();
});
