// An owner's day: how it goes, a question without an answer, a mistake in the file, and back.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { audit, conversation, launch, quit, screenshot, serve, until, visit } from "./support.mjs";

before(launch);
after(quit);

const KEY = "the owner's own key";
const SETTINGS = `[bot]
greeting =
replies_file = replies.ini
unanswered_file = unanswered.txt
statistics_file = statistics.tsv
[key anna]
secret = ${KEY}
role = owner
`;
const REPLIES = `; Anna's answers
[replies]
opening hours | when & open = From 9 to 5.
parking = Behind the house.
unknown = Call us.

[tests]
where may I leave my car = parking
`;
const EVIL = `<img src=x onerror="window.broken = 1"> [tests] = ; # | & * {phone}`;

// Asks on the chat page, and returns the answers.
async function ask(server, questions) {
  const { page, leave } = await visit(server.url);
  const said = [];
  for (const question of questions) {
    await page.fill("#text", question);
    await page.keyboard.press("Enter");
    const answers = page.locator(".message:not(.mine) .bubble");
    await until(async () => await answers.count() === said.length + 1);
    said.push(await answers.last().textContent());
  }
  await leave();
  return said;
}

// Opens the page with the key pasted.
async function visitOwner(server, options) {
  const visitor = await visit(`${server.url}owner`, options);
  await visitor.page.getByLabel("The owner's key").fill(KEY);
  await visitor.page.keyboard.press("Enter");
  return visitor;
}

for (const [width, height] of [[1280, 800], [390, 760]]) {
  test(`without a terminal, at ${width}x${height}`, async () => {
    const server = await serve(SETTINGS, 0, { "replies.ini": REPLIES });
    const file = join(server.folder, "replies.ini");
    assert.deepEqual(await ask(server, ["When do you open?", "Do you have rye bread?", "do you have RYE bread", EVIL, "parkinng"]),
      ["From 9 to 5.", "Call us.", "Call us.", "Call us.", "Behind the house."]);
    server.reload();
    await until(() => readFileSync(join(server.folder, "statistics.tsv"), "utf8").includes("unknown"));

    const { page, leave } = await visitOwner(server, { viewport: { width, height } });
    await page.locator("#sums").getByText("Conversations").waitFor();
    const sums = await page.locator("#sums > div").allTextContents();
    assert.deepEqual(sums, ["Conversations1", "Questions5", "Answered40 %", "Answered by a guess1", "Not answered3"]);
    assert.deepEqual(await page.locator("#unused li").allTextContents(), ["None."]);
    await audit(page);
    await screenshot(page, `owner-${width}`);

    // What a visitor has written is text, wherever it is shown.
    await page.locator("#unanswered").getByText("img src x onerror").waitFor();
    assert.equal(await page.evaluate(() => window.broken), undefined);

    // The most frequent question gets an answer, and the chat page gives it.
    const asked = page.locator("#unanswered > li").filter({ hasText: "do you have rye bread" });
    assert.match(await page.locator("#unanswered > li").first().textContent(), /do you have rye bread.*2 ×/);
    await asked.getByRole("button", { name: /^Answer/ }).click();
    await asked.getByLabel("Your reply").fill("Yes, every Thursday.\nIt is gone by noon.");
    await asked.getByLabel("Phrase that gets this reply").fill("rye* & bread");
    await asked.getByRole("button", { name: "Preview" }).click();
    await asked.getByText("rye* & bread = Yes, every Thursday.").waitFor();
    assert.equal(readFileSync(file, "utf8"), REPLIES);
    await screenshot(page, `owner-answer-${width}`);
    await asked.getByRole("button", { name: "Add", exact: true }).click();
    await asked.waitFor({ state: "detached" });
    const answered = readFileSync(file, "utf8");
    assert.equal(answered, REPLIES.replace("Call us.\n", "Call us.\nrye* & bread = Yes, every Thursday.\n  It is gone by noon.\n")
      + "do you have rye bread = rye* & bread\n");
    await until(() => server.log.some((line) => /reloaded .*config\.ini: \+1/.test(line)));
    assert.deepEqual(await ask(server, ["Is there a bread of rye today?"]), ["Yes, every Thursday.\nIt is gone by noon."]);

    // A guess that is right is confirmed at once.
    const guess = page.locator("#guesses > li").filter({ hasText: "parking" });
    await guess.getByRole("button", { name: /^Correct/ }).click();
    await until(() => readFileSync(file, "utf8").endsWith("parking = parking\n"));
    const confirmed = readFileSync(file, "utf8");

    // A mistake made elsewhere is seen here, and one click goes back.
    writeFileSync(file, answered.replace("parking = ", "parking "));
    await page.locator("#notices").getByText("replies.ini:4:").waitFor();
    await page.getByRole("button", { name: "Show the file" }).click();
    await page.locator("#findings").getByText("Line 4").waitFor();
    assert.equal(await page.locator("#save").isDisabled(), true);
    await audit(page);
    await screenshot(page, `owner-file-${width}`);
    const goBack = async (index) => {
      await page.locator("#versions").getByRole("button").nth(index).click();
      await page.getByRole("button", { name: "Go back now" }).click();
    };
    await page.locator("#versions").getByRole("button").first().click();
    await page.locator("#difference del").getByText("parking Behind the house.").waitFor();
    await page.getByRole("button", { name: "Go back now" }).click();
    await until(() => readFileSync(file, "utf8") === answered);
    await page.locator("#notices li").waitFor({ state: "detached" });
    assert.notEqual(confirmed, answered);

    // The file as it is shown follows such changes, so that the first click is enough.
    await page.locator("#findings").getByText("Line 4").waitFor({ state: "detached" });
    writeFileSync(file, answered.replace("parking = ", "parking "));
    await page.locator("#findings").getByText("Line 4").waitFor();
    // The last version is the mistake.
    await goBack(1);
    await until(() => readFileSync(file, "utf8") === answered);
    await until(async () => await page.locator("#source").inputValue() === answered);

    // The file itself, with the difference before it is saved.
    await page.locator("#source").fill(answered.replace("From 9 to 5.", "From 8 to 4."));
    await until(() => page.locator("#save").isEnabled());
    await page.locator("#save").click();
    await page.locator("#difference").getByText("From 8 to 4.").waitFor();
    await page.getByRole("button", { name: "Save now" }).click();
    await until(() => readFileSync(file, "utf8").includes("From 8 to 4."));
    await until(() => server.log.filter((line) => /anna changed replies\.ini: /.test(line)).length === 5);
    await leave();
    await server.stop();
  });
}

test("two owners at once", async () => {
  const server = await serve(SETTINGS, 0, { "replies.ini": REPLIES });
  const open = async () => {
    const visitor = await visitOwner(server);
    await visitor.page.getByRole("button", { name: "Show the file" }).click();
    await until(async () => await visitor.page.locator("#source").inputValue() === REPLIES);
    return visitor;
  };
  const edit = async ({ page }, text) => {
    await page.locator("#source").fill(text);
    await until(() => page.locator("#save").isEnabled());
  };
  const save = async ({ page }) => {
    await page.locator("#save").click();
    await page.getByRole("button", { name: "Save now" }).click();
  };
  const file = () => readFileSync(join(server.folder, "replies.ini"), "utf8");
  const [one, other] = [await open(), await open()];
  await edit(other, REPLIES.replace("Behind", "Before"));
  await edit(one, REPLIES.replace("9 to 5", "8 to 4"));
  await save(one);
  // What the other one has written stays, with the difference.
  await other.page.locator("#difference").getByText("From 8 to 4.").waitFor();
  await other.page.getByRole("button", { name: "Take the file as it is" }).click();
  assert.equal(await other.page.locator("#source").inputValue(), file());
  await edit(other, file().replace("Behind", "Before"));
  await save(other);
  await until(() => file() === REPLIES.replace("9 to 5", "8 to 4").replace("Behind", "Before"));
  // Nothing was written here, so this page follows.
  await until(async () => (await one.page.locator("#source").inputValue()) === file());
  await one.leave();
  await other.leave();
  await server.stop();
});

test("a key that is not an owner's", async () => {
  const server = await serve(SETTINGS, 0, { "replies.ini": REPLIES });
  const { page, leave } = await visit(`${server.url}owner`, { tolerated: /WebSocket connection to/ });
  await page.getByLabel("The owner's key").fill("a key that somebody has guessed");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("not accepted").waitFor();
  await page.getByLabel("The owner's key").fill(KEY);
  await page.keyboard.press("Enter");
  await page.locator("#counts").getByText("Replies").waitFor();
  await leave();
  await server.stop();
});
