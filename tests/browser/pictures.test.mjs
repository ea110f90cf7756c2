// The pictures of the README: the chat page, and the owner's page with a question to answer.
import { after, before, test } from "node:test";
import { conversation, launch, quit, screenshot, serve, until, visit } from "./support.mjs";

before(launch);
after(quit);

const KEY = "the owner's own key";
const SETTINGS = `[server]
listen = 127.0.0.1:0
[web]
title = Anna's bakery
accent = #9d2f4f
[auth]
require_key = no
[bot]
greeting = Welcome to Anna's bakery!
replies_file = replies.ini
unanswered_file = unanswered.txt
statistics_file = statistics.tsv
[key anna]
secret = ${KEY}
role = owner
`;
const HOURS = "We are open\n  Mon to Fri 9-18\n  Sat 10-14";
const REPLIES = `[replies]
opening hours | when & open = ${HOURS}
parking | park = There is parking behind the house; the first hour is free.
cake* & order* = Order your cake two days ahead, here or by telephone.
unknown = Sorry, I did not understand.

[tests]
When are you open? = opening hours
Where can I park? = parking
`;
async function ask(page, question) {
  await page.fill("#text", question);
  await page.keyboard.press("Enter");
}

test("the chat page", async () => {
  const server = await serve(SETTINGS, 0, { "replies.ini": REPLIES });
  const { page, leave } = await visit(server.url, { viewport: { width: 380, height: 540 } });
  const said = ["Welcome to Anna's bakery!"];
  await conversation(page, said);
  for (const [question, answer] of [
    ["what are your openning hours?", HOURS.replaceAll("\n  ", "\n")],
    ["Can I order a cake?", "Order your cake two days ahead, here or by telephone."],
  ]) {
    await ask(page, question);
    said.push(`> ${question}`, answer);
    await conversation(page, said);
  }
  await screenshot(page, "chat");
  await leave();
  await server.stop();
});

test("the owner's page", async () => {
  const server = await serve(SETTINGS, 0, { "replies.ini": REPLIES });
  const visitor = await visit(server.url);
  for (const [index, question] of ["do you have rye bread", "do you have rye bread", "can i pay by card"].entries()) {
    await ask(visitor.page, question);
    await until(async () => await visitor.page.locator(".message:not(.mine)").count() === index + 2);
  }
  await visitor.leave();
  server.reload();
  const { page, leave } = await visit(`${server.url}owner`, { viewport: { width: 640, height: 1000 } });
  await page.getByLabel("The owner's key").fill(KEY);
  await page.keyboard.press("Enter");
  const asked = page.locator("#unanswered > li").filter({ hasText: "do you have rye bread" });
  await asked.getByRole("button", { name: /^Answer/ }).click();
  await asked.getByLabel("Your reply").fill("Yes, every Thursday.");
  await asked.getByLabel("Phrase that gets this reply").fill("rye* & bread");
  await asked.getByRole("button", { name: "Preview" }).click();
  await asked.getByText("rye* & bread = Yes, every Thursday.").waitFor();
  await asked.evaluate((item) => item.scrollIntoView({ block: "center" }));
  const { x, y, width } = await asked.boundingBox();
  await screenshot(page, "owner", { x: x - 16, y: y - 40, width: width + 32, height: 606 });
  await leave();
  await server.stop();
});
