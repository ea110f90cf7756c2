"use strict";

// The connection of a page to its server, which is opened again after growing pauses. The build script puts
// this before page.js and owner.js, which define the functions that it calls: openConnection, keyInUse, drop,
// isEnd, reason, askForKey and offerRetry.

// All times are in milliseconds.
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const { lang } = document.documentElement;
// Times look as the visitor is used to, if the page speaks the visitor's language.
const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? lang;

let socket;
let isReady = false;
let pause = FIRST_PAUSE;
let retry;

function connect() {
  clearTimeout(retry);
  retry = undefined;
  if (!socket) openConnection();
}

function openSocket(path, subprotocols) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  const key = keyInUse();
  socket = new WebSocket(url, key ? [...subprotocols, "bearer." + base64url(key)] : subprotocols);
  socket.onclose = closed;
}

function closeSocket() {
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
  socket = undefined;
  isReady = false;
}

async function closed({ code }) {
  const wasReady = isReady;
  drop();
  if (wasReady && isEnd(code)) return;
  if (wasReady && code !== 1008) return retryLater(words.lost);
  const key = keyInUse();
  const [why, needsKey] = await reason(wasReady);
  // The visitor may have reconnected or entered another key in the meantime.
  if (socket || retry || key !== keyInUse()) return;
  if (needsKey) return askForKey(why);
  retryLater(why);
}

function retryLater(why) {
  const wait = pause * (0.5 + Math.random() / 2);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
  retry = setTimeout(connect, wait);
  offerRetry(why, filled(words.retry, { seconds: Math.ceil(wait / 1000) }));
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

function encoded(text) {
  return new TextEncoder().encode(text);
}

function latin1(text) {
  return String.fromCharCode(...encoded(text));
}

function base64url(text) {
  return btoa(latin1(text)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
