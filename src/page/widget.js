"use strict";

// Adds a button to a page that opens the chat in a frame: <script src="https://HOST/widget.js"
// data-title="Chat with us"></script>
((defaults) => {
  const script = document.currentScript;
  const existing = window.replydChat;
  if (!script?.src) {
    if (!existing) console.error("replyd: widget.js must be loaded by <script src=...> without type=\"module\", and not by an import");
    return;
  }
  const address = new URL(".", script.src);
  // A page that replaces its body instead of loading another one runs the script again.
  if (existing?.address === address.href) return existing.update(script.dataset);
  if (existing) return console.error(`replyd: this page has the chat of ${existing.address} already, and can have one only`);

  // Whether it is open in this tab, once the visitor has opened or closed it.
  const STORE = "replyd";
  const COVERS = matchMedia("(max-width: 480px), (max-height: 480px)");
  // Times in milliseconds after which a page that has not reported is not there: once something is loaded,
  // and at all. Not all browsers say when they have refused one.
  const READY_TIME = 2000;
  const LOAD_TIME = 8000;
  // In pixels, because pages change what a rem is.
  const STYLE = `
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    button { font: 600 16px/1.2 system-ui, sans-serif; border: 0; cursor: pointer; }
    /* Only where the system chooses the colors these borders are seen. */
    .toggle, .panel { border: 1px solid transparent; }
    :focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #000; }
    div { --x: calc(var(--side) + max(env(safe-area-inset-left), env(safe-area-inset-right)));
      --y: calc(var(--bottom) + env(safe-area-inset-bottom)); --tall: min(600px, 100% - 96px); }
    .toggle { position: fixed; inset-block-end: var(--y); inset-inline-end: var(--x); min-height: 48px;
      max-width: calc(100% - 2 * var(--x)); padding: 12px 20px; border-radius: 24px; color: var(--on-accent); background: var(--accent); }
    .toggle[aria-expanded=false]::before { content: ""; display: inline-block; width: 20px; height: 18px; margin-inline-end: 8px;
      vertical-align: -4px; background: currentColor;
      clip-path: path("M3 0h14a3 3 0 0 1 3 3v8a3 3 0 0 1-3 3H9l-5 4v-4H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z"); }
    @media (forced-colors: active) { .toggle::before { background: ButtonText; forced-color-adjust: none; } }
    .toggle:not(:focus-visible), .panel { box-shadow: 0 2px 16px rgb(0 0 0 / .35); }
    .unread::after { content: ""; position: absolute; inset-block-start: -3px; inset-inline-end: 2px; width: 16px; height: 16px;
      border: 2px solid #fff; border-radius: 50%; background: #d11; }
    /* Above the button, or over it where there is no room. */
    .panel { position: fixed; inset-block-end: min(var(--y) + 64px, 100% - 16px - var(--tall)); inset-inline-end: var(--x);
      width: min(384px, 100% - 2 * var(--x)); height: var(--tall); border-radius: 16px; overflow: hidden; background: Canvas; color: CanvasText; }
    .left > .toggle, .left > .panel { left: var(--x); right: auto; }
    .right > .toggle, .right > .panel { left: auto; right: var(--x); }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    .panel:not(.ready) > iframe { visibility: hidden; position: absolute; }
    .panel:not(.ready, .refused)::before { content: "…"; display: block; padding-block-start: 40%; text-align: center; font-size: 32px; }
    .refused { height: auto; padding: 64px 24px 40px; text-align: center; }
    a { display: inline-block; padding: 12px 20px; border-radius: 24px; font: 600 16px/1.4 system-ui, sans-serif; text-decoration: none;
      color: var(--on-accent); background: var(--accent); }
    .close { position: absolute; inset-block-start: 8px; inset-inline-end: 8px; width: 40px; height: 40px; border-radius: 50%; padding: 0;
      font-size: 20px; color: inherit; background: none; }
    .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    @media (max-width: 480px), (max-height: 480px) {
      .open > .panel { inset: var(--top, 0) 0 auto; width: 100%; height: var(--height, 100%); border: 0; border-radius: 0; }
      .open > .toggle { display: none; }
      .toggle { width: 56px; height: 56px; padding: 0; border-radius: 50%; }
      .toggle[aria-expanded=false]::before { margin: 0; transform: scale(1.25); }
      .toggle > span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    }
    @media print { div { display: none; } }`;

  const make = (name, properties) => {
    const made = document.createElement(name);
    // Firefox before 119 does not reflect these attributes.
    for (const [property, attribute] of [["role", "role"], ["ariaLabel", "aria-label"], ["ariaExpanded", "aria-expanded"]]) {
      if (!(property in made)) Object.defineProperty(made, property, { set: (value) => made.setAttribute(attribute, value) });
    }
    return Object.assign(made, properties);
  };
  const host = window.replydChat = make("replyd-chat", { address: address.href });
  const box = make("div");
  const toggle = make("button", { type: "button", className: "toggle" });
  toggle.setAttribute("aria-describedby", "news");
  const caption = make("span");
  const panel = make("div", { className: "panel", role: "dialog", hidden: true });
  const shut = make("button", { type: "button", className: "close", textContent: "✕", ariaLabel: "Close" });
  const news = make("span", { id: "news", className: "unseen", role: "status" });
  // Inline and important, this is stronger than any style sheet of the page.
  for (const [name, value] of [["all", "initial"], ["position", "fixed"], ["z-index", "2147483647"]]) {
    host.style.setProperty(name, value, "important");
  }
  const root = host.attachShadow({ mode: "open" });
  // A page's Content-Security-Policy may forbid style elements and attributes, but not this.
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // Safari before 16.4 has only this.
    root.append(make("style", { textContent: STYLE }));
  }
  panel.append(shut);
  toggle.append(caption);
  box.append(toggle, panel, news);
  root.append(box);

  let options;
  let labels = { close: "Close", unread: "" };
  // Created when it is first opened, so that visitors who do not chat cost no connection and nothing is
  // stored for them.
  let frame;
  // In place of a frame that is not shown.
  let link;
  let isReady = false;
  let checks = [];
  // Whether it was open in this tab: then the button is shown, so that the visitor finds it again.
  let wasOpen = false;
  // Where the focus was before it was opened: on a link of the site, perhaps.
  let before;
  // What to put into the field once the page is ready.
  let question;

  host.open = () => byVisitor(true);
  host.close = () => byVisitor(false);
  host.ask = (text) => {
    question = String(text);
    byVisitor(true);
    suggest();
  };

  host.update = (dataset) => {
    options = { title: "Chat", theme: defaults.theme, lang: document.documentElement.lang, ...dataset };
    box.className = panel.hidden ? "" : "open";
    const { position = "" } = options;
    if (["left", "right"].includes(position)) box.classList.add(position);
    else if (position) console.warn(`replyd: data-position="${position}" is neither left nor right`);
    for (const name of ["bottom", "side"]) {
      const distance = options[name] ?? 16;
      const isValid = /^\d{1,4}$/.test(distance);
      if (!isValid) console.warn(`replyd: data-${name}="${distance}" is not a number of pixels`);
      box.style.setProperty(`--${name}`, (isValid ? distance : 16) + "px");
    }
    if (!["auto", "light", "dark"].includes(options.theme)) {
      console.warn(`replyd: data-theme="${options.theme}" is not auto, light or dark`);
      options.theme = defaults.theme;
    }
    if (options.theme === "auto" && dataset.theme !== "auto") options.theme = themeOfPage();
    box.style.colorScheme = options.theme === "auto" ? "light dark" : options.theme;
    color(options.accent ?? defaults.accent);
    panel.ariaLabel = options.title;
    label();
    put();
    if (frame) frame.title = options.title;
    if (frame && frame.src !== source().href) unload();
    if (!panel.hidden) show(true);
  };

  // A dark panel on a light page looks like a mistake, whatever the visitor's system prefers.
  function themeOfPage() {
    const { documentElement, body } = document;
    for (const part of [body, documentElement].filter(Boolean)) {
      // Painted, since a color may come in any notation, such as oklch().
      const canvas = document.createElement("canvas").getContext("2d");
      canvas.fillStyle = getComputedStyle(part).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
      if (alpha > 127) return red * 0.3 + green * 0.6 + blue * 0.1 < 128 ? "dark" : "light";
    }
    const schemes = getComputedStyle(documentElement).colorScheme ?? "";
    return ["light", "dark"].find((scheme) => schemes === scheme || schemes === `${scheme} only` || schemes === `only ${scheme}`)
      ?? (schemes.includes("dark") ? "auto" : "light");
  }

  // The text of the button is black or white, whichever has more contrast (WCAG 2.2).
  function color(wanted) {
    const canvas = document.createElement("canvas").getContext("2d");
    // Opaque colors of sRGB are read as #rrggbb, whatever their notation, and what is not a color leaves the
    // one before.
    const [read, again] = ["#000", "#fff"].map((before) => {
      canvas.fillStyle = before;
      canvas.fillStyle = wanted;
      return canvas.fillStyle;
    });
    const isValid = read === again && /^#[\da-f]{6}$/.test(read);
    if (!isValid) console.warn(`replyd: data-accent="${wanted}" is not an opaque color such as #c2185b, gold or rgb(194 24 91)`);
    const accent = isValid ? read : defaults.accent;
    const [red, green, blue] = accent.match(/\w\w/g).map((part) => (parseInt(part, 16) / 255) ** 2.2);
    box.style.setProperty("--accent", accent);
    box.style.setProperty("--on-accent", 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff");
  }

  function label() {
    caption.textContent = panel.hidden ? options.title : labels.close;
    toggle.hidden = "hidden" in options && !wasOpen;
    toggle.ariaExpanded = String(!panel.hidden);
    shut.ariaLabel = labels.close;
  }

  function source() {
    const url = new URL(address);
    url.search = new URLSearchParams({ embedded: "", lang: options.lang, theme: options.theme });
    if (options.key) url.hash = "key=" + encodeURIComponent(options.key);
    return url;
  }

  function load() {
    frame = make("iframe", { title: options.title, src: source().href, referrerPolicy: "origin" });
    const check = () => isReady || refused();
    frame.onload = () => checks.push(setTimeout(check, READY_TIME));
    checks.push(setTimeout(check, LOAD_TIME));
    panel.prepend(frame);
  }

  function unload() {
    checks.forEach(clearTimeout);
    checks = [];
    frame.remove();
    link?.remove();
    frame = link = undefined;
    isReady = false;
    panel.classList.remove("refused", "ready");
  }

  // Browsers show a grey box for a page that may not be framed here, and do not report it to the site.
  function refused() {
    if (link) return;
    console.error(`replyd: the chat of ${address} does not show in this page. If it can be reached, list ${location.origin} in its embed_origins, under [web].`);
    const url = source();
    url.search = "";
    if (question) url.hash += "&q=" + encodeURIComponent(question);
    link = make("a", { href: url.href, target: "_blank", rel: "noopener", textContent: options.title + " ↗" });
    panel.append(link);
    panel.classList.add("refused");
    if (root.activeElement === shut) link.focus({ preventScroll: true });
  }

  function show(isOpen) {
    // The server may be back, or allow this page now.
    if (isOpen && link) unload();
    if (isOpen && !frame) load();
    panel.hidden = !isOpen;
    wasOpen = wasOpen || isOpen;
    box.classList.toggle("open", isOpen);
    toggle.classList.remove("unread");
    news.textContent = "";
    label();
    put();
  }

  // A page that the panel covers must not be reachable. Turbo keeps a copy of a body, which may come back.
  function cover() {
    const { body } = document;
    const covers = COVERS.matches && !panel.hidden;
    if (!covers && !body.hasAttribute("data-replyd-covered")) return;
    body.inert = covers;
    body.toggleAttribute("data-replyd-covered", covers);
  }

  function byVisitor(isOpen) {
    const { activeElement, body } = document;
    if (isOpen && panel.hidden) before = activeElement === host ? toggle : activeElement;
    show(isOpen);
    try {
      sessionStorage.setItem(STORE, isOpen ? "open" : "closed");
    } catch { /* Storage may be blocked: then the next page does not know. */ }
    if (isOpen) return isReady ? focusFrame() : shut.focus({ preventScroll: true });
    // If the visitor has moved on to something else on the site, that keeps the focus.
    if (activeElement !== host && activeElement !== body) return;
    (before?.isConnected && before !== body ? before : toggle).focus({ preventScroll: true });
  }

  function suggest() {
    if (!isReady || question === undefined) return;
    frame.contentWindow.postMessage({ replyd: "ask", question }, address.origin);
    question = undefined;
  }

  function focusFrame() {
    frame.focus({ preventScroll: true });
    frame.contentWindow.postMessage({ replyd: "opened" }, address.origin);
  }

  addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame?.contentWindow || origin !== address.origin) return;
    if (data?.replyd === "close") byVisitor(false);
    if (data?.replyd === "answered" && panel.hidden) {
      toggle.classList.add("unread");
      news.textContent = labels.unread;
    }
    if (data?.replyd === "ready") {
      isReady = true;
      // It may have been slow.
      link?.remove();
      panel.classList.remove("refused");
      panel.classList.add("ready");
      labels = data;
      label();
      shut.dir = data.dir;
      // Unless the visitor has moved on in the meantime.
      if (root.activeElement === shut) focusFrame();
      suggest();
    }
  });
  root.addEventListener("keydown", (event) => {
    // In some browsers, only the key code shows an input method.
    if (event.key === "Escape" && !event.isComposing && event.keyCode !== 229 && !panel.hidden) byVisitor(false);
  });
  toggle.onclick = () => byVisitor(panel.hidden);
  shut.onclick = () => byVisitor(false);
  COVERS.onchange = cover;
  // A phone's keyboard shrinks only the visible part of the page, as zooming does.
  const fit = () => {
    const { scale, height, offsetTop } = visualViewport;
    box.style.setProperty("--height", scale === 1 ? height + "px" : "100%");
    box.style.setProperty("--top", scale === 1 ? offsetTop + "px" : "0");
  };
  fit();
  for (const event of ["resize", "scroll"]) visualViewport.addEventListener(event, fit);

  // Outside the body, which some pages replace, and after it.
  function put() {
    if (!document.body) return;
    if (!host.isConnected) document.documentElement.append(host);
    cover();
  }

  function start() {
    put();
    const isBody = (node) => node === document.body;
    new MutationObserver((changes) => {
      if (changes.some(({ addedNodes }) => [...addedNodes].some(isBody))) put();
    }).observe(document.documentElement, { childList: true });
    let stored = "";
    try {
      stored = sessionStorage.getItem(STORE);
    } catch { /* see above */ }
    wasOpen = wasOpen || Boolean(stored);
    label();
    if (stored === "open" || (stored === null && "open" in options && !COVERS.matches)) show(true);
  }

  host.update(script.dataset);
  if (document.body) start();
  else {
    addEventListener("DOMContentLoaded", () => {
      // Only now is it known what the page looks like.
      host.update(script.dataset);
      start();
    });
  }
  // From here on, names in braces are filled in from the settings.
})({ accent: "{accent}", theme: "{theme}" });
