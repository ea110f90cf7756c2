// The page in all its languages, colors and sizes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { audit, connected, conversation, launch, quit, screenshot, serve, until, visit } from "./support.mjs";

before(launch);
after(quit);

// The texts of each language, by its code and their names.
const TEXTS = {};
let texts;
for (const line of readFileSync(new URL("../../src/languages/texts.ini", import.meta.url), "utf8").split("\n")) {
  const section = /^\[(.*)\]$/.exec(line);
  if (section) texts = TEXTS[section[1]] = {};
  const [, name, text] = /^(\w+) = (.*)$/.exec(line) ?? [];
  if (name) texts[name] = text;
}

const BAKERY = `[web]
title = Łódź & 東京 مخبز
privacy = https://bakery.example/privacy
[bot]
greeting = Welcome!
  > When are you open?
  > Where can I park?
[replies]
open = We are open, see https://bakery.example/hours or call +49 30 123456.
  > Where can I park?
مرحبا = أهلا بكم في مخبزنا.
park = Behind the house.
unknown = ?
`;

const refused = { tolerated: /WebSocket connection to|Failed to load resource/ };

test("there are twelve languages", () => {
  assert.equal(Object.keys(TEXTS).length, 12);
});

for (const [code, texts] of Object.entries(TEXTS)) {
  const isRightToLeft = code === "ar";
  for (const colorScheme of ["light", "dark"]) {
    test(`in ${code}, ${colorScheme}`, async () => {
      const server = await serve(BAKERY);
      const { page, leave } = await visit(server.url, { locale: code, colorScheme, ...refused });
      await conversation(page, ["Welcome!"]);
      assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir].join()), [code, isRightToLeft ? "rtl" : "ltr"].join());
      // Each part is found by the name that a screen reader would say.
      await page.getByRole("log", { name: texts.conversation, exact: true }).waitFor();
      const field = page.getByRole("textbox", { name: texts.your_message, exact: true });
      assert.equal(await field.getAttribute("placeholder"), texts.your_message);
      await page.getByRole("group", { name: texts.choices }).getByRole("button").first().click();
      await page.getByRole("link", { name: "https://bakery.example/hours" }).waitFor();
      await field.fill(code === "ar" ? "مرحبا" : "park");
      await page.getByRole("button", { name: texts.send, exact: true }).click();
      await page.locator(".message").nth(4).waitFor();
      await page.getByRole("link", { name: texts.privacy, exact: true }).waitFor();
      await audit(page);
      await screenshot(page, `language-${code}-${colorScheme}`);
      // What the visitor says is where lines end, and the field begins where they begin.
      const isAtLeft = (locator) => locator.evaluate((element) => {
        const { left, right } = element.getBoundingClientRect();
        return left + right < innerWidth;
      });
      const sides = [page.locator(".mine .bubble").last(), page.locator(".message:not(.mine) .bubble").last(), page.locator("#send")];
      assert.deepEqual(await Promise.all(sides.map(isAtLeft)), [isRightToLeft, !isRightToLeft, isRightToLeft]);
      for (const width of ["en", "ar"].includes(code) ? [320, 768, 1920] : [320]) {
        await page.setViewportSize({ width, height: 640 });
        await audit(page);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
      }
      await page.getByRole("button", { name: texts.new_conversation, exact: true }).click();
      await page.locator("#begun", { hasText: texts.begun }).getByRole("button", { name: texts.undo, exact: true }).click();
      await server.stop();
      // The numbers are filled in.
      const [before, after] = texts.retry.split("{seconds}");
      // The connection is lost first, and soon the server cannot be reached.
      const whys = [texts.lost, texts.unreachable];
      await until(async () => {
        const state = await page.locator("#state").textContent();
        const isWhole = whys.some((why) => state.startsWith(why)) && state.endsWith(texts.try_now);
        return isWhole && state.includes(before) && state.includes(after) && !state.includes("{");
      });
      await page.locator("#state").getByRole("button", { name: texts.try_now, exact: true }).waitFor();
      await audit(page);
      await leave();
    });
  }
}

test("an owner's own words and logo", async () => {
  const server = await serve("[web]\nlanguage = de\n[page]\nyour_message = Frag uns, was du \"willst\"\nsend = <Los>\n");
  const { page, leave } = await visit(server.url, { locale: "fr" });
  await connected(page);
  await page.getByRole("textbox", { name: 'Frag uns, was du "willst"' }).waitFor();
  await page.getByRole("button", { name: "<Los>", exact: true }).waitFor();
  await page.getByRole("button", { name: TEXTS.de.new_conversation }).waitFor();
  await leave();
  await server.stop();
});

test("colors that the owner has chosen", async () => {
  for (const [theme, background] of [["light", "rgb(255, 255, 255)"], ["dark", "rgb(19, 19, 22)"]]) {
    const server = await serve(`[web]\ntheme = ${theme}\n`);
    for (const colorScheme of ["light", "dark"]) {
      const { page, leave } = await visit(server.url, { colorScheme });
      await connected(page);
      const found = await page.evaluate(() => [getComputedStyle(document.body).backgroundColor, document.querySelector("meta[name=color-scheme]").content]);
      assert.deepEqual(found, [background, theme]);
      await leave();
    }
    await server.stop();
  }
});

test("a walk with the keyboard", async () => {
  const server = await serve(BAKERY);
  const { page, leave } = await visit(server.url);
  await conversation(page, ["Welcome!"]);
  await page.focus("#save");
  const stops = ["Save conversation", "New conversation", "Conversation", "When are you open?", "Where can I park?", "Your message", "Send", "Privacy"];
  for (const [step, stop] of [...stops, ...stops.toReversed()].entries()) {
    const [label, isSeen] = await page.evaluate(() => {
      const { activeElement: stop } = document;
      const { top, bottom, left, right } = stop.getBoundingClientRect();
      const ring = getComputedStyle(stop.id === "log" ? stop.parentElement : stop).outlineStyle;
      const isInView = top >= 0 && left >= 0 && right <= innerWidth && bottom <= innerHeight;
      return [stop.ariaLabel ?? stop.textContent, ring === "solid" && isInView];
    });
    // Wherever it is, it shows, and in full.
    assert.deepEqual([label, isSeen], [stop, true]);
    if (step + 1 !== stops.length) await page.keyboard.press(step < stops.length ? "Tab" : "Shift+Tab");
  }
  await leave();
  await server.stop();
});
